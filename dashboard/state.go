package dashboard

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"clearhop/analytics"
)

// The bounds of a State.
const (
	MaxValues = 200      // of one filter
	MaxValue  = 16 << 10 // bytes of one value
	MaxSearch = 200      // bytes
)

func problem(key, format string, args ...any) *Problem {
	return &Problem{Text: fmt.Sprintf(format, args...), Key: key}
}

// ParseState reads the keys of a State. Its error is a *Problem that names the key: one
// that a State does not have, one that is given twice, or one with a value that cannot
// be.
func ParseState(query url.Values) (State, error) {
	var s State
	keys := make([]string, 0, len(query))
	for key := range query {
		keys = append(keys, key)
	}
	slices.Sort(keys) // so that the same query has the same error
	for _, key := range keys {
		if err := s.set(key, query[key]); err != nil {
			return State{}, err
		}
	}
	if !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until) {
		return State{}, problem("until", "until is not after since")
	}
	slices.SortFunc(s.Filters, func(a, b Filter) int { return cmp.Compare(rank(a.Dimension), rank(b.Dimension)) })
	return s, nil
}

// set sets what a key says.
func (s *State) set(key string, values []string) error {
	if dimension, isFilter := strings.CutPrefix(key, "f."); isFilter {
		return s.filter(key, dimension, values, false)
	}
	if dimension, isFilter := strings.CutPrefix(key, "x."); isFilter {
		return s.filter(key, dimension, values, true)
	}
	if len(values) != 1 {
		return problem(key, "%s is given more than once", printable(key))
	}
	value := values[0]
	var err error
	switch key {
	case "since":
		s.Since, err = parseTime(key, value)
	case "until":
		s.Until, err = parseTime(key, value)
	case "compare":
		if value != "1" {
			return problem(key, "compare is 1 or is left out")
		}
		s.Compare = true
	case "kind":
		s.Kind = Kind(value)
		if !slices.Contains([]Kind{People, Robots, HealthChecks, All}, s.Kind) {
			return problem(key, "kind is people, robots, health_checks or all, or is left out")
		}
	case "q":
		s.Search = value
		if len(value) > MaxSearch || value == "" || !utf8.ValidString(value) {
			return problem(key, "q is a text of 1 to %d bytes", MaxSearch)
		}
	default:
		return problem(printable(key), "there is no key %s", printable(key))
	}
	return err
}

func (s *State) filter(key, dimension string, values []string, exclude bool) error {
	if _, ok := analytics.FindDimension(dimension); !ok {
		return problem(printable(key), "there is no dimension %s", printable(dimension))
	}
	if slices.ContainsFunc(s.Filters, func(f Filter) bool { return f.Dimension == dimension }) {
		return problem(key, "f.%s and x.%[1]s do not go together", dimension)
	}
	f := Filter{Dimension: dimension, Exclude: exclude}
	for _, value := range values {
		if len(value) > MaxValue || !utf8.ValidString(value) {
			return problem(key, "a value of %s is longer than %d bytes or is no UTF-8", key, MaxValue)
		}
		if !slices.Contains(f.Values, value) {
			f.Values = append(f.Values, value)
		}
		if len(f.Values) > MaxValues {
			return problem(key, "%s has more than %d values", key, MaxValues)
		}
	}
	s.Filters = append(s.Filters, f)
	return nil
}

// parseTime reads a time. The times of requests have milliseconds.
func parseTime(key, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return time.Time{}, problem(key, "%s is a time such as 2026-11-20T14:05:00Z, of the years 1970 to 2200", key)
	}
	return t.UTC().Truncate(time.Millisecond), nil
}

// printable returns the beginning of a text that somebody else wrote, without what is
// not printed.
func printable(text string) string {
	const most = 40
	clean := strings.Map(func(r rune) rune {
		if r < 0x21 || r > 0x7e || r == '"' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(clean) > most {
		return clean[:most] + "..."
	}
	return clean
}

// rank is the place of a dimension among all.
func rank(dimension string) int {
	return slices.IndexFunc(analytics.Dimensions(), func(d analytics.Dimension) bool { return d.ID == dimension })
}

// Query returns the keys of the State, which ParseState reads.
func (s State) Query() url.Values {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	set("since", timeText(s.Since))
	set("until", timeText(s.Until))
	set("kind", string(s.Kind))
	set("q", s.Search)
	if s.Compare {
		q.Set("compare", "1")
	}
	for _, f := range s.Filters {
		key := "f." + f.Dimension
		if f.Exclude {
			key = "x." + f.Dimension
		}
		q[key] = f.Values
	}
	return q
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999Z07:00")
}
