package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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
