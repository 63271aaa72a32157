package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"clearhop/diagnose"
	"clearhop/internal/setting"
	"clearhop/record"

	"github.com/alecthomas/kong"
)

// A window is the time in which the lines were logged that the doctor judges. A
// zero time sets no bound.
type window struct{ since, until time.Time }

// window reads the flags about what is judged. now is what durations are
// subtracted from.
func (c *doctorCommand) window(now time.Time) (window, error) {
	w, err := readWindow(c.Since, c.Until, now)
	if c.MinShare < 0 || c.MinShare > 1 {
		err = errors.Join(err, setting.Error("min-share", fmt.Errorf("%g is no share: give a number from 0 to 1", c.MinShare)))
	}
	return w, errors.Join(err, c.logGroupFlags.check(c.Files, c.Since))
}

// readWindow reads the flags --since and --until.
func readWindow(since, until string, now time.Time) (window, error) {
	var w window
	var errs [2]error
	w.since, errs[0] = readTime("since", since, now)
	w.until, errs[1] = readTime("until", until, now)
	err := errors.Join(errs[:]...)
	if err == nil && !w.since.IsZero() && !w.until.IsZero() && !w.since.Before(w.until) {
		err = setting.Error("until", errors.New("it is not after since"))
	}
	return w, err
}

// readTime reads a time in RFC 3339, or a duration before now.
func readTime(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if d, err := parseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, setting.Error(name, fmt.Errorf("%q is no time: give one as 2026-11-20T14:05:00Z, or a duration as 7d, 2h or 30m", text))
}

// parseDuration is time.ParseDuration that also reads a number of days, such as 7d.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		const most = 100 * 366 // a Duration holds no more than 292 years
		n, err := strconv.Atoi(days)
		if err != nil || n > most || n < 0 {
			return 0, fmt.Errorf("%q is no number of days", days)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(text)
}

// holds reports whether a line was logged in the window. A line whose time is not
// known is in no window that has a bound.
func (w window) holds(r *record.Record) bool {
	if w.since.IsZero() && w.until.IsZero() {
		return true
	}
	at, known := diagnose.LoggedAt(r)
	return known && !at.Before(w.since) && (w.until.IsZero() || at.Before(w.until))
}

// usedByDoctor are the settings that change what the doctor says. It takes the
// others too, so that it can share a configuration file and the environment with
// enrich, and its help leaves them out.
var usedByDoctor = []string{"format", "format-for", "json-key", "error-zone", "nlb", "trusted", "internal", "health-path", "client-fields"}

// unusedByQuestions are the settings that change nothing in what report and query say:
// these read files once, and the views show neither labels nor lines.
var unusedByQuestions = []string{"nlb-refresh", "geo-refresh", "label", "original"}

// hideUnused takes the settings that a command does not use out of its help.
func hideUnused(app *kong.Kong) error {
	for _, command := range app.Model.Children {
		for _, flag := range command.Flags {
			if flag.Group == nil {
				continue
			}
			switch command.Name {
			case "doctor":
				flag.Hidden = !slices.Contains(usedByDoctor, flag.Name)
			case "redrive": // what is lost stays where it is
				flag.Hidden = flag.Name == "dead-letters"
			case "report", "query":
				flag.Hidden = slices.Contains(unusedByQuestions, flag.Name)
			}
		}
	}
	return nil
}
