package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

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
