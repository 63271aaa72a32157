package dashboard

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"clearhop/analytics"
)

// requestColumns are what a Request is made of, in the order in which requestOf reads
// them.
const requestColumns = "event_id, ts, method, host, path, status, bytes, duration_ns, client, client_country, client_as_org, " +
	"user_agent, referrer, robot, verdict, reason, hop, field, source_ip, nlb, vouched, nlb_private_ip, alternatives, upstream, coalesce(log_stream, file)"

func requestOf(row []any) Request {
	r := Request{
		ID: text(row[0]), Method: text(row[2]), Host: text(row[3]), Path: text(row[4]),
		Status: integer(row[5]), Bytes: integer(row[6]),
		Client: text(row[8]), Country: text(row[9]), Network: text(row[10]), Agent: text(row[11]), Referrer: text(row[12]),
		Verdict: text(row[14]), Reason: text(row[15]), Hop: text(row[16]), Field: text(row[17]), Peer: text(row[18]), NLB: text(row[19]),
		Alternatives: text(row[22]), Upstream: text(row[23]), Stream: text(row[24]),
	}
	r.At, _ = row[1].(time.Time)
	r.Robot, _ = row[13].(bool)
	r.Vouched, _ = row[20].(bool)
	r.ShowsNLB, _ = row[21].(bool)
	if n, ok := row[7].(int64); ok {
		x := float64(n) / 1e9
		r.Seconds = &x
	}
	return r
}

// Requests implements Source. The cursor is the time and the id of the last request: a
// page does not shift when new requests come.
func (e *Explorer) Requests(ctx context.Context, s State, before string, limit int) (*Requests, error) {
	if limit < 1 || limit > MaxRequests {
		return nil, problem("limit", "limit is a number from 1 to %d", MaxRequests)
	}
	older, err := cursorSQL(before)
	if err != nil {
		return nil, err
	}
	end, err := e.asking.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	s.Compare = false
	p, err := e.plan(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := e.ask(ctx, "requests", "SELECT "+requestColumns+"\nFROM (\n"+p.query(analytics.Requests, "")+"\n)"+older+
		"\nORDER BY ts DESC, coalesce(event_id, '') DESC\nLIMIT "+strconv.Itoa(limit+1))
	if err != nil {
		return nil, err
	}
	answer := &Requests{Rows: []Request{}}
	for _, row := range rows {
		if len(answer.Rows) == limit {
			last := answer.Rows[limit-1]
			answer.Next = strconv.FormatInt(last.At.UnixMilli(), 10) + "." + last.ID
			break
		}
		answer.Rows = append(answer.Rows, requestOf(row))
	}
	return answer, nil
}

// cursorSQL is the condition of the requests before a cursor, behind WHERE.
func cursorSQL(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	const longest = 512
	milliseconds, id, found := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(milliseconds, 10, 64)
	at := time.UnixMilli(n)
	if !found || err != nil || at.UTC().Year() < 1 || at.UTC().Year() > 9999 || len(id) > longest || !utf8.ValidString(id) {
		return "", problem("before", "before is what an earlier answer gave as next")
	}
	ts := timeSQL(at)
	return "\nWHERE ts < " + ts + " OR ts = " + ts + " AND coalesce(event_id, '') < " + analytics.Literal(id), nil
}
