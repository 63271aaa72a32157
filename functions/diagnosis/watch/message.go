package watch

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"clearhop/diagnose"
	"clearhop/internal/terminal"
	"clearhop/verdict"
)

// A Message is what is published. SNS takes a subject of at most 100 characters of
// printable ASCII, and 256 KiB in all.
type Message struct {
	Subject string `json:"subject"`
	Body    string `json:"body"`
}

const (
	maxSubject = 100      // bytes
	maxBody    = 64 << 10 // bytes; what is above is cut
	width      = 76       // columns: mail programs break longer lines
)

// A messenger writes messages.
type messenger struct {
	name       string // of the stack
	minPercent float64
}

// began writes that finding i of a period has begun; returns says how often it had begun
// before within a day.
func (m *messenger) began(j *judged, i, returns int) Message {
	f := &j.Findings[i]
	var b bytes.Buffer
	_ = j.WriteFinding(&b, i, diagnose.Style{Width: width}) // a Buffer takes everything
	b.WriteString("\n")
	if f.Since == nil {
		fmt.Fprintf(&b, "First seen %s. It may have begun earlier.\n", stamp(began(f)))
	}
	if returns > 0 {
		fmt.Fprintf(&b, "It had ended, and has begun again %s within a day.\n", times(returns))
	}
	fmt.Fprintf(&b, "%s\n\nTo look closer:\n%s\n", read(j), m.command(j, f))
	b.WriteString("\nYou get one more message when this has ended.\n")
	word := "began"
	if returns > 0 {
		word = "is back"
	}
	return m.message(f.Code, f.Hop, word+", "+terminal.Percent(f.Lines, f.Of)+" of lines", b.String())
}

// ended writes that a finding has ended.
func (m *messenger) ended(k *known) Message {
	body := fmt.Sprintf("It has ended: %s.\n\nFirst seen %s, last seen %s.\nSince then %s of %s were right, and %d diagnoses in a row\ndid not find it.\n",
		strings.ReplaceAll(k.Code.Info().Means, "`", ""), stamp(k.Began), stamp(k.Last),
		terminal.Plural(k.Right, "line"), listed(k.Groups), k.Quiet)
	return m.message(k.Code, k.Hop, "ended", body)
}

// message puts a message together.
func (m *messenger) message(code verdict.Reason, hop verdict.Hop, what, body string) Message {
	subject := asciiOnly(m.name)
	subject = subject[:min(len(subject), maxName)] + ": " + code.String()
	if hop != verdict.NoHop {
		subject += " at the " + hop.String() + " hop"
	}
	subject += " " + what
	if len(body) > maxBody {
		body = strings.ToValidUTF8(body[:maxBody], "") + "\n(cut)\n"
	}
	return Message{Subject: subject[:min(len(subject), maxSubject)], Body: body}
}

// read says which lines a message rests on.
func read(j *judged) string {
	lines := terminal.Plural(int64(j.lines), "line")
	if j.cut {
		lines = "A sample of " + lines
	}
	text := fmt.Sprintf("Read: %s of %s,\nfrom %s to %s.", lines, terminal.Plural(int64(j.groups), "log group"), stamp(j.from), stamp(j.to))
	if n := len(j.leftOut); n > 0 {
		text += fmt.Sprintf("\nNot read: %s. The next diagnoses read them in turn.",
			terminal.Plural(int64(n), "more log group"))
	}
	return text
}

// command is what a person pastes to see all lines of the log group that shows a finding
// most.
func (m *messenger) command(j *judged, f *diagnose.Finding) string {
	group := ""
	if groups := j.groupsOf(f); len(groups) > 0 {
		group = groups[0]
	}
	flags := ""
	for _, set := range []struct {
		flag     string
		inferred bool
		items    []string
	}{{"--nlb", j.Chain.InferredNLB, j.Chain.NLB.Texts()}, {"--trusted", j.Chain.InferredTrusted, j.Chain.Trusted.Texts()}} {
		if !set.inferred && len(set.items) > 0 && len(set.items) <= 8 {
			flags += " \\\n    " + set.flag + " " + strings.Join(set.items, ",")
		}
	}
	return "  clearhop doctor --log-group " + quote(group) + " \\\n" +
		"    --since " + j.from.UTC().Format(time.RFC3339) + " --until " + j.to.Add(time.Second-1).UTC().Format(time.RFC3339) + flags
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// quote returns text as a word of a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// listed lists log groups.
func listed(groups []string) string {
	if len(groups) == 0 {
		return "the log groups"
	}
	const few = 5
	text := strings.Join(groups[:min(len(groups), few)], ", ")
	if more := len(groups) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// asciiOnly returns text without what SNS does not take in a subject.
func asciiOnly(text string) string {
	return string(slices.DeleteFunc([]byte(text), func(c byte) bool { return c < ' ' || c > '~' }))
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
