package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"clearhop/diagnose"
	"clearhop/internal/terminal"
	"clearhop/parser/infer"
	"clearhop/pipeline"
	"clearhop/record"
)

// readings say how the streams of a run are read.
type readings struct {
	list    []diagnose.ReadAs
	private bool // lines must not be shown
}

// add adds what a sample of each stream showed. Streams that are read in the same way
// are one entry.
func (r *readings) add(more []pipeline.Reading) {
	for _, reading := range more {
		if reading.Lines == 0 {
			continue // error lines only
		}
		next := readAs(&reading, r.private)
		i := slices.IndexFunc(r.list, func(a diagnose.ReadAs) bool {
			return a.Inferred == next.Inferred && a.Try == next.Try && slices.Equal(a.Formats, next.Formats) && slices.Equal(a.Unproven, next.Unproven)
		})
		switch {
		case i < 0:
			r.list = append(r.list, next)
		case !slices.Contains(r.list[i].Streams, reading.Stream):
			r.list[i].Streams = append(r.list[i].Streams, reading.Stream)
			r.list[i].Lines += next.Lines
			r.list[i].Unparsed += next.Unparsed
		}
	}
}

// readAs puts a reading into words.
func readAs(r *pipeline.Reading, private bool) diagnose.ReadAs {
	a := diagnose.ReadAs{Streams: []string{r.Stream}, Lines: r.Lines, Unparsed: r.Unparsed}
	for _, f := range r.Formats {
		a.Formats = append(a.Formats, f.Name)
	}
	if r.Unparsed*2 >= r.Lines && !private {
		a.Example = infer.Example(r.UnparsedLine)
	}
	switch keys := r.Keys; {
	case r.Inferred != nil:
		a.Inferred, a.Used = r.Inferred.Text, r.Taken
		a.Try = "--format " + shellWord(r.Inferred.Argument())
		a.Unproven = unproven(r.Inferred)
	case keys != nil && len(keys.Means) > 0:
		a.Unproven = []string{fmt.Sprintf("%s nobody knows; by their values they look like %s.",
			countOf(len(keys.Means), "key has a name that", "keys have names that"), meanings(keys))}
		a.Try = "--json-key " + shellWord(keys.Setting())
	case r.Unparsed*2 >= r.Lines:
		a.Try = "clearhop format --from " + shellWord(r.Stream)
	case r.Guessed != 0 && len(a.Formats) > 0:
		a.Unproven = []string{"Nobody named this format, so " + headersIn(r.Guessed) + " is a guess, and no client that only this column names is vouched for."}
		a.Try = "--format " + shellWord(a.Formats[0])
	}
	return a
}

// unproven says which names of an inferred format are guesses.
func unproven(p *infer.Proposal) []string {
	var texts []string
	var guessed []string
	for _, v := range p.Format.Variables() {
		switch v {
		case "remote_addr":
			if p.Guessed.Has(record.LoggedRemoteAddr) {
				guessed = append(guessed, "$"+v)
			}
		case "realip_remote_addr", "proxy_protocol_addr", "http_x_forwarded_for", "http_x_real_ip":
			guessed = append(guessed, "$"+v)
		}
	}
	if len(guessed) > 0 {
		texts = append(texts, fmt.Sprintf("%s %s: no client from there is vouched for.",
			map[bool]string{true: "A guess is", false: "Guesses are"}[len(guessed) == 1], strings.Join(guessed, ", ")))
	}
	if n := len(p.Unnamed); n > 0 {
		texts = append(texts, fmt.Sprintf("It is not known what %s hold%s.", strings.Join(p.Unnamed, ", "), map[bool]string{true: "s"}[n == 1]))
	}
	return texts
}

func headersIn(guessed record.Logged) string {
	var names []string
	if guessed.Has(record.LoggedXForwardedFor) {
		names = append(names, "$http_x_forwarded_for")
	}
	if guessed.Has(record.LoggedXRealIP) {
		names = append(names, "$http_x_real_ip")
	}
	return strings.Join(names, " or ")
}

func meanings(keys *infer.KeyProposal) string {
	var texts []string
	for _, m := range keys.Means {
		texts = append(texts, m.Key+" = $"+m.Variable)
	}
	return strings.Join(texts, ", ")
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// print prints what deserves attention: in lines that fit a terminal, and elsewhere
// each message in one line, for grep. The names of known formats alone stand in the
// table of the summary.
func (r *readings) print(w io.Writer) {
	for i := range r.list {
		a := &r.list[i]
		if a.IsPlain() {
			continue
		}
		text := a.Where() + ": " + strings.Join(a.Sentences(), " ")
		if terminal.IsTerminal(w) {
			newPage(w, "never").wrapped("", "clearhop: "+text)
		} else {
			fmt.Fprintf(w, "clearhop: %s\n", text)
		}
		if a.Example != "" {
			fmt.Fprintf(w, "  such a line: %s\n", terminal.Printable(a.Example))
		}
		if a.Try != "" {
			fmt.Fprintf(w, "  %s %s\n", a.WhatToTry(), a.Try)
		}
	}
}
