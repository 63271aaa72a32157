package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"clearhop/diagnose"
	"clearhop/internal/terminal"
	"clearhop/parser"
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
			return a.Inferred == next.Inferred && a.Try == next.Try && slices.Equal(a.Formats, next.Formats) && slices.Equal(a.Unproven, next.Unproven) && slices.Equal(a.Warnings, next.Warnings) && slices.Equal(a.Choices, next.Choices)
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
		if format := r.Set.Format(f.Name); format != nil {
			a.Warnings = append(a.Warnings, format.Forgeable()...)
		}
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
	if len(r.Doubts) > 0 {
		addDoubt(&a, r, &r.Doubts[0])
	}
	return a
}

// addDoubt says which column may be the peer's address too, and how to say which it is.
func addDoubt(a *diagnose.ReadAs, r *pipeline.Reading, d *infer.Doubt) {
	a.Try = ""
	peer, client := columnName(d), "$remote_addr"
	if d.Client != "" {
		client = d.Client + ", which is read as $remote_addr,"
	}
	a.Unproven = append(a.Unproven, fmt.Sprintf("%s always holds an address like an NLB's. So %s may be a header, which visitors write.", capital(peer), client))
	for _, choice := range choices(r, d) {
		a.Choices = append(a.Choices, choice)
	}
	if len(a.Choices) == 0 {
		a.Try = "clearhop format --from " + shellWord(r.Stream)
	}
}

// columnName names the column that may be the peer's.
func columnName(d *infer.Doubt) string {
	switch {
	case d.Column == "trailing":
		return "a column behind the user agent"
	case d.Client != "" || d.Format == parser.LTSV:
		return "the key " + d.Column
	}
	return "the column that is read as $" + d.Column
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// choices are the settings of which one is right.
func choices(r *pipeline.Reading, d *infer.Doubt) []diagnose.Choice {
	if d.Client != "" {
		set := func(client, peer string) string {
			return "--json-key " + shellWord(d.Client+"="+client+","+d.Column+"="+peer)
		}
		return []diagnose.Choice{
			{If: d.Column + " is $remote_addr, and " + d.Client + " a header", Try: set("http_x_forwarded_for", "remote_addr")},
			{If: d.Client + " is $remote_addr, and " + d.Column + " $realip_remote_addr", Try: set("remote_addr", "realip_remote_addr")},
			{If: d.Column + " is another address, such as this server's", Try: set("remote_addr", "-")},
		}
	}
	text := formatText(r, d.Format)
	if text == "" || d.Column == "trailing" {
		return nil
	}
	format := func(client, peer string) string {
		return "--format " + shellWord(withNames(text, client, d.Column, peer))
	}
	other := d.Column
	if !strings.HasPrefix(other, parser.Unnamed) {
		other = "server_addr"
	}
	return []diagnose.Choice{
		{If: "that column is $remote_addr, and the first one a header", Try: format("http_x_forwarded_for", "remote_addr")},
		{If: "it is $realip_remote_addr", Try: format("remote_addr", "realip_remote_addr")},
		{If: "it is another address, such as this server's", Try: format("remote_addr", other)},
	}
}

// formatText returns the log_format of that name as --format takes it; "" if it cannot be
// written.
func formatText(r *pipeline.Reading, name string) string {
	if r.Inferred != nil && r.Taken && r.Inferred.Format.Name() == name {
		return r.Inferred.Text
	}
	directive, _ := parser.Builtin(name)
	return strings.ReplaceAll(directiveText(directive), "\n", "")
}

// directiveText returns the string of a log_format directive whose parts stand in single
// quotes.
func directiveText(directive string) string {
	text := ""
	for i, part := range strings.Split(directive, "'") {
		if i%2 == 1 {
			text += part
		}
	}
	return text
}

// withNames renames the columns of $remote_addr and of another variable.
func withNames(text, client, column, peer string) string {
	const mark = "\x00"
	text = strings.Replace(text, "$"+column, mark, 1)
	if client != "remote_addr" {
		text = strings.ReplaceAll(text, "$"+client, "$"+parser.Unnamed+"header")
		text = strings.Replace(text, "$remote_addr", "$"+client, 1)
	}
	return strings.Replace(text, mark, "$"+peer, 1)
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
		for _, choice := range a.Choices {
			fmt.Fprintf(w, "  If %s, give: %s\n", choice.If, choice.Try)
		}
	}
}
