//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
	"strings"

	"clearhop/analytics"
)

// hold reads what the views look up, and makes it functions of the engine.
func (s *Store) holdGroups(ctx context.Context) error {
	for g := range groups {
		held, err := s.hold(ctx, g)
		if errors.Is(err, errNotHeld) {
			continue
		}
		if err != nil {
			return err
		}
		s.held[g] = held
		for _, l := range held {
			if l == nil || l.constant != "" {
				continue
			}
			if err := l.register(s.engine); err != nil {
				return err
			}
		}
	}
	return nil
}

// releaseGroups gives back what the views look up. The engine must be closed.
func (s *Store) releaseGroups() {
	for _, held := range s.held {
		for _, l := range held {
			l.release()
		}
	}
}

// allLinesSQL is the view all_lines over the tables. With plain all its texts are of the
// type VARCHAR; else those that are looked up are of an ENUM.
func (s *Store) allLinesSQL(plain bool) string {
	var columns []string
	position := make([]int, len(groups))
	for _, p := range places() {
		sql := p.sql
		switch {
		case p.Name == "event_id":
			sql = idSQL
		case p.group < 0:
		case s.isJoined(p.group):
			sql = groups[p.group].name + "_values." + p.Name
		case s.live != nil:
			sql = p.lookUp()
		default:
			l := s.held[p.group][position[p.group]]
			position[p.group]++
			switch {
			case l == nil:
				sql = "CAST(NULL AS " + p.SQLType(analytics.DuckDB) + ")"
			case l.constant != "":
				sql = l.constant
			case plain && p.isText():
				sql = "CAST(" + p.lookUp() + " AS VARCHAR)"
			default:
				sql = p.lookUp()
			}
		}
		columns = append(columns, sql+" AS "+p.Name)
	}
	sql := "SELECT " + strings.Join(columns, ", ") + " FROM " + storedLines
	for g := range groups {
		if s.isJoined(g) {
			name := groups[g].name + "_values"
			sql += " LEFT JOIN (SELECT * FROM " + storedValues + " WHERE " + groups[g].key() + " IS NOT NULL) AS " + name +
				" ON " + name + "." + groups[g].key() + " = " + lineTable + "." + groups[g].key()
		}
	}
	return sql
}

// isJoined reports whether the values of a group are joined to the lines, because there
// are too many to be looked up.
func (s *Store) isJoined(g int) bool {
	if s.live != nil {
		return s.joined[g]
	}
	return s.held[g] == nil
}

// lookUp is the SQL that looks a column up.
func (p columnPlace) lookUp() string {
	return p.functionName() + "(" + lineTable + "." + groups[p.group].key() + ")"
}

// areRequests reports whether all lines are known to be requests.
func (s *Store) areRequests() bool {
	for _, held := range s.held {
		for _, l := range held {
			if l != nil && l.Field == "event.dataset" {
				return l.isAll(analytics.Dataset)
			}
		}
	}
	return false
}

// defineViews makes the views. They are the connection's own, so that a database of an
// older version has those of today. The tables have no copies, so the views without
// copies need not look for them, which would cost more than most questions.
func (s *Store) defineViews(ctx context.Context, plain bool) error {
	all := s.allLinesSQL(plain)
	if s.narrow != "" {
		all = "SELECT * FROM (" + all + ")" + s.narrow
	}
	for _, name := range analytics.Views() {
		sql := "SELECT *"
		if name == analytics.Requests || name == analytics.Lines {
			sql += ", cast(1 AS bigint) AS copies" // no other copy was loaded
		}
		sql += " FROM (" + all + ")"
		if (name == analytics.Requests || name == analytics.AllRequests) && !s.areRequests() {
			sql += " WHERE dataset = " + literal(analytics.Dataset)
		}
		if err := s.exec(ctx, "CREATE OR REPLACE TEMP VIEW "+name+" AS "+sql); err != nil {
			return s.notOurs(err)
		}
	}
	s.plain = plain
	return nil
}
