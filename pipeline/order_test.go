package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"clearhop/pipeline"
	"clearhop/record"
)

// honestAt is an honest line, some seconds after the first.
func honestAt(second int) string {
	return strings.Replace(honest, "09:37:49", fmt.Sprintf("09:%02d:%02d", 37+second/60, second%60), 1)
}

// TestNewestFirst: in a document that is newest first, the end of a record stands before
// what a visitor wrote in it. It is in doubt all the same, wherever batches are cut, and
// honest lines further away are not.
func TestNewestFirst(t *testing.T) {
	for wrapped, wrap := range wraps {
		for opening, first := range openings {
			for ending, last := range endings {
				name := strings.Join([]string{wrapped, opening, ending}, ", ")
				var text []string
				for i := range 60 {
					text = append(text, wrap("stdout", honestAt(i)))
					if i == 29 {
						for _, s := range []string{first, forged, forged, last} {
							text = append(text, wrap("stderr", s))
						}
					}
				}
				slices.Reverse(text)
				lines := linesOfText(streams["file"], text...)
				events := inBatches(t, open(t, chain()), lines, len(lines))
				if got := inBatches(t, open(t, chain()), lines, 7); !slices.Equal(got, events) {
					t.Errorf("%s: batches change the events", name)
				}
				believed := 0
				for i, event := range events {
					isForged := strings.Contains(text[i], "203.0.113.66 - admin")
					if isForged && isBelieved(event) {
						t.Errorf("%s: line %d: %s", name, i, event)
					}
					if !isForged && isBelieved(event) {
						believed++
					}
				}
				if believed < 35 { // 2,047 bytes on both sides hold some twenty lines
					t.Errorf("%s: only %d of 60 honest lines are believed", name, believed)
				}
			}
		}
	}
}

// TestScattered: in a document that is in no order of time, a line can stand anywhere
// behind the end of the record that it was written in, and nobody vouches for it there.
func TestScattered(t *testing.T) {
	for opening, first := range openings {
		for ending, last := range endings {
			text := []string{}
			for i := range 60 { // 0, 59, 1, 58 …
				second := i / 2
				if i%2 == 1 {
					second = 59 - i/2
				}
				text = append(text, honestAt(second))
			}
			text = slices.Insert(text, 50, forged)
			text = slices.Insert(text, 10, last)
			text = append(text, first)
			for i, event := range inBatches(t, open(t, chain()), linesOfText(streams["file"], text...), 7) {
				if strings.Contains(text[i], "203.0.113.66 - admin") && isBelieved(event) {
					t.Errorf("%s, %s: line %d: %s", opening, ending, i, event)
				}
			}
		}
	}
}

// cutEndings are what the visitor writes at the end of a record that nginx cuts off: the
// reader of a file leaves most of it out.
var cutEndings = []string{"", "\r", "\n", "\n\n\n"}

// cutOpenings begin records that nginx cuts off.
var cutOpenings = map[string]string{
	"closed":         missing,
	"not closed":     openings["quotes do not"],
	"an application": head + `FastCGI sent in stderr: "PHP message: hello`,
	"carriage":       missing + "\r",
}

// newestFirstCut is a log that is newest first, with a record that nginx cut off among
// honest lines: before many of them, and behind many.
func newestFirstCut(opening, ending string, before, behind int) []record.Line {
	var text []string
	for i := range behind {
		text = append(text, honestAt(i)+"\n")
	}
	text = append(text, strings.SplitAfter(cutRecord(opening, ending)+"\n", "\n")...)
	for i := range before {
		text = append(text, honestAt(behind+i)+"\n")
	}
	slices.Reverse(text) // as tac does
	return linesOfFile(strings.Join(text, ""))
}

// judgedLines returns the forged lines that are believed, and how many honest lines are.
func judgedLines(lines []record.Line, events []string) (fooled []int, honest int) {
	for i, event := range events {
		switch isForged := strings.Contains(string(lines[i].Text), "203.0.113.66 - admin"); {
		case !isBelieved(event):
		case isForged:
			fooled = append(fooled, i)
		default:
			honest++
		}
	}
	return fooled, honest
}

// TestNewestFirstCut: a record without an end has nothing that stands before what a visitor
// wrote in it. Its first line, which stands behind, shows it as soon as the log has shown
// that it is newest first.
func TestNewestFirstCut(t *testing.T) {
	for name, opening := range cutOpenings {
		for _, ending := range cutEndings {
			for _, before := range []int{4, 30} {
				lines := newestFirstCut(opening, ending, before, 30)
				fooled, honest := judgedLines(lines, inBatches(t, open(t, chain()), lines, len(lines)))
				if len(fooled) > 0 {
					t.Errorf("%s, %q, %d lines before: forged lines are believed: %v", name, ending, before, fooled)
				}
				if honest < before+30-27 { // 2,047 bytes on either side, the record's own among them
					t.Errorf("%s, %q: only %d of %d honest lines are believed", name, ending, honest, before+30)
				}
			}
		}
	}
}

// TestNewestFirstCutInEnvelopes: the runtime says which lines come from another output.
func TestNewestFirstCutInEnvelopes(t *testing.T) {
	for wrapped, wrap := range wraps {
		var text []string
		for i := range 60 {
			text = append(text, wrap("stdout", honestAt(i)))
			if i == 29 {
				for line := range strings.Lines(cutRecord(missing, "")) {
					text = append(text, wrap("stderr", strings.TrimSuffix(line, "\n")))
				}
			}
		}
		slices.Reverse(text)
		lines := linesOfText(&record.Origin{Source: "g:s", LogGroup: "g", LogStream: "s"}, text...)
		fooled, honest := judgedLines(lines, inBatches(t, open(t, chain()), lines, len(lines)))
		if len(fooled) > 0 || honest < 50 {
			t.Errorf("%s: forged lines are believed: %v; %d of 60 honest lines are", wrapped, fooled, honest)
		}
	}
}

// TestNewestFirstCutAtEdges: a line comes out at once, so the lines of a record that stand
// in a batch before that of its first line are not known. Those behind the edge are, unless
// the record shows itself by nothing but its length.
func TestNewestFirstCutAtEdges(t *testing.T) {
	other := linesOfText(&record.Origin{Source: "other.log", File: "other.log"}, honestAt(0), honestAt(1), honestAt(2), honestAt(3), honestAt(4), honestAt(5))
	for name, opening := range cutOpenings {
		const before = 10
		lines := newestFirstCut(opening, "", before, 10)
		first := slices.IndexFunc(lines, func(l record.Line) bool { return strings.HasPrefix(string(l.Text), head) })
		for edge := 1; edge < len(lines); edge++ {
			w := open(t, chain())
			var events []string
			take := func(lines []record.Line, last bool, events *[]string) int {
				done, err := w.ProcessBatch(lines, last, func(out *pipeline.Outcome) error {
					*events = append(*events, string(out.Data))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return done
			}
			done := take(lines[:edge], false, &events)
			take(other, false, new([]string)) // a stream that runs forward says nothing about this one
			take(lines[done:], true, &events)
			fooled, _ := judgedLines(lines, events)
			isSplit := before < edge && edge <= first
			onlyLength := strings.HasPrefix(opening, missing)
			if len(fooled) > 0 && (!isSplit || !onlyLength && fooled[len(fooled)-1] >= edge) {
				t.Errorf("%s, the first line is %d, the edge at %d: forged lines are believed: %v", name, first, edge, fooled)
			}
		}
	}
}

// TestOldestFirstTakesNothing: in a log that is oldest first, no error record takes an
// honest line before it, although the first second of a busy log shows no order.
func TestOldestFirstTakesNothing(t *testing.T) {
	const tail = ` while reading response header from upstream, client: 198.51.100.7, server: _, request: "GET /a.php HTTP/1.1", upstream: "fastcgi://127.0.0.1:9000", host: "h"`
	trace := []string{head + `FastCGI sent in stderr: "PHP message: PHP Fatal error: x in /a.php:12`, "Stack trace:", "#0 {main}", `  thrown in /a.php on line 12"` + tail}
	for _, each := range []int{1, 40, 1000} { // lines of a second
		for _, errors := range [][]string{trace, {missing}} {
			var text []string
			for i := range 300 {
				text = append(text, honestAt(1+i/each))
				if i%25 == 13 {
					second := fmt.Sprintf("09:%02d:%02d", 37+(1+i/each)/60, (1+i/each)%60)
					text = append(text, strings.Replace(errors[0], "09:37:50", second, 1))
					text = append(text, errors[1:]...)
				}
			}
			lines := linesOfText(streams["file"], text...)
			for _, size := range []int{1, 10, 64, len(lines)} {
				if _, honest := judgedLines(lines, inBatches(t, open(t, chain()), lines, size)); honest < 300 {
					t.Errorf("%d lines a second, %.60s, batches of %d: %d of 300 honest lines are believed", each, errors[0][20:], size, honest)
				}
			}
		}
	}
}

// TestRecordInDocument: the events of a document have their numbers for offsets, which say
// nothing about bytes. An error record reaches as far there as in a file, and no further.
func TestRecordInDocument(t *testing.T) {
	text := []string{openings["quotes do not"]}
	for range 60 {
		text = append(text, honest)
	}
	lines := linesOfText(&record.Origin{Source: "insights.csv"}, text...)
	for i := range lines {
		lines[i].Offset = int64(i)
	}
	believed := 0
	for _, event := range inBatches(t, open(t, chain()), lines, len(lines)) {
		if isBelieved(event) {
			believed++
		}
	}
	if believed < 35 {
		t.Errorf("only %d of 60 honest lines are believed", believed)
	}
}

// TestShareInDoubt: in an honest log that is newest first, few lines are in doubt. docs/security.md
// gives the share.
func TestShareInDoubt(t *testing.T) {
	for _, every := range []int{10, 100} {
		var text []string
		for i := range 10000 {
			line := honestAt(i / 8)
			text = append(text, strings.Replace(line, "GET /", "GET /"+strings.Repeat("a", i*i%97), 1))
			if i%every == 0 {
				text = append(text, strings.Replace(missing, "/x", "/x"+strings.Repeat("b", i*i%89), 1))
			}
		}
		slices.Reverse(text)
		lines := linesOfText(streams["file"], text...)
		doubted, honest := 0, 0
		for i, event := range inBatches(t, open(t, chain()), lines, 512) {
			if strings.HasPrefix(text[i], "198.51.100.7") {
				honest++
				if !isBelieved(event) {
					doubted++
				}
			}
		}
		t.Logf("an error line for %d requests: %.2f %% of the honest lines are in doubt", every, 100*float64(doubted)/float64(honest))
		if 100*doubted > 40*honest/every {
			t.Errorf("an error line for %d requests: %d of %d honest lines are in doubt", every, doubted, honest)
		}
	}
}

// TestNewestFirstBytes: log drivers write three bytes for each that is not UTF-8. A record
// that nginx cut off is found in a newest-first log all the same.
func TestNewestFirstBytes(t *testing.T) {
	for _, filling := range []string{"", "\xff", "\xff\xfe\xff"} {
		wrap := wraps["docker"]
		var text []string
		for i := range 20 {
			text = append(text, wrap("stdout", honestAt(i)))
		}
		cut := (strings.Replace(missing, "html/", "html/"+filling, 1) + "\n" + forged + "\n" + filling + strings.Repeat("v", 3000))[:2047]
		for line := range strings.SplitSeq(cut, "\n") {
			text = append(text, wrap("stdout", asDriversWrite(line)))
		}
		for i := range 20 {
			text = append(text, wrap("stdout", honestAt(20+i)))
		}
		slices.Reverse(text)
		lines := linesOfText(&record.Origin{Source: "a", File: "a"}, text...)
		found := false
		for i, e := range inBatches(t, open(t, chain()), lines, len(lines)) {
			if !strings.Contains(string(lines[i].Text), "203.0.113.66 - admin") {
				continue
			}
			found = true
			if isBelieved(e) {
				t.Errorf("%q: the forged line is believed: %s", filling, e)
			}
		}
		if !found {
			t.Errorf("%q: there is no forged line", filling)
		}
	}
}
