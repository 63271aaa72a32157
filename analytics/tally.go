package analytics

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"clearhop/verdict"
)

// A Tally is a number of lines that are alike in all that the doctor asks for. It has the
// fields of diagnose.Tally, which it converts to:
//
//	for _, t := range tallies {
//		counters.AddTally(diagnose.Tally(t))
//	}
type Tally struct {
	Source       string
	Peer         netip.Addr // the zero Addr where it is not known
	PeerAlways   bool
	Reason       verdict.Reason
	Hop          verdict.Hop
	Alternatives []verdict.Reason
	Lines        int64
	First, Last  int64 // ms since the Unix epoch; 0: not known
}

// Tallies reads the answer to the question "tallies". A code that this version does not
// know is an error: a newer version wrote the events.
func (a Answer) Tallies() ([]Tally, error) {
	all := make([]Tally, 0, len(a.Rows))
	for i, row := range a.Rows {
		t, err := tallyOf(a.Columns, row)
		if err != nil {
			return nil, fmt.Errorf("tallies, row %d: %w", i+1, err)
		}
		all = append(all, t)
	}
	return all, nil
}

func tallyOf(columns []Column, row []any) (Tally, error) {
	values := map[string]any{}
	for i, c := range columns {
		values[c.Name] = row[i]
	}
	word := func(name string) string {
		s, _ := values[name].(string)
		return s
	}
	milliseconds := func(name string) int64 {
		at, known := values[name].(time.Time)
		if !known {
			return 0
		}
		return at.UnixMilli()
	}
	t := Tally{Source: word("source"), First: milliseconds("first_seen"), Last: milliseconds("last_seen")}
	t.Peer, _ = netip.ParseAddr(word("peer")) // with privacy it is a pseudonym
	t.PeerAlways, _ = values["peer_always"].(bool)
	t.Lines, _ = values["lines"].(int64)
	if err := t.Reason.UnmarshalText([]byte(word("reason"))); err != nil {
		return Tally{}, err
	}
	if err := t.Hop.UnmarshalText([]byte(word("hop"))); err != nil {
		return Tally{}, err
	}
	for code := range strings.SplitSeq(word("alternatives"), ",") {
		var other verdict.Reason
		if err := other.UnmarshalText([]byte(code)); err != nil {
			return Tally{}, err
		}
		if other != verdict.NoReason {
			t.Alternatives = append(t.Alternatives, other)
		}
	}
	return t, nil
}
