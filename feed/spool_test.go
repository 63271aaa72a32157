package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"clearhop/record"

	"github.com/google/go-cmp/cmp"
)

// listPages has pages of lines, and then an error.
type listPages struct {
	pages [][]record.Line
	err   error
}

func (p *listPages) Next(context.Context) ([]record.Line, error) {
	if len(p.pages) == 0 {
		return nil, p.err
	}
	page := p.pages[0]
	p.pages = p.pages[1:]
	return page, nil
}

// linesOf reads all of a Source. Each line is copied, because it holds until the next.
func linesOf(t *testing.T, s Source) (lines []record.Line, err error) {
	t.Helper()
	for {
		line, err := s.Next()
		if err != nil {
			return lines, errors.Join(err, s.Close())
		}
		kept := *line
		kept.Text, kept.ID = append([]byte{}, line.Text...), append([]byte{}, line.ID...)
		lines = append(lines, kept)
	}
}

// TestSpool: the later readings give the lines, the Origins and the error of the first,
// and the input is read once.
func TestSpool(t *testing.T) {
	origins := []*record.Origin{{Source: "a", LogGroup: "g"}, {Source: "b", LogGroup: "g"}}
	var all []record.Line
	for i := range 5000 {
		all = append(all, record.Line{
			ID: fmt.Appendf(nil, "%d", i), Text: fmt.Appendf(nil, "line %d \x00\xff", i), Time: int64(i) - 3, HasTime: i%2 == 0,
			Offset: int64(i / 2), Defect: record.Defect(i % 3), Origin: origins[i%2],
		})
	}
	failed := errors.New("throttled")
	for _, end := range []error{io.EOF, failed} {
		opened := 0
		spool := NewSpool(Paged(func(context.Context) (Pages, error) {
			opened++
			return &listPages{pages: [][]record.Line{all[:10], {}, all[10:]}, err: end}, nil
		}))
		for pass := range 3 {
			s, err := spool.Input(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			lines, err := linesOf(t, s)
			if !errors.Is(err, end) || !mixes(s) {
				t.Errorf("reading %d ends with %v", pass, err)
			}
			if diff := cmp.Diff(all, lines); diff != "" {
				t.Fatalf("reading %d: -want +got\n%s", pass, diff)
			}
			if lines[2].Origin != origins[0] {
				t.Errorf("reading %d: another Origin", pass)
			}
		}
		if err := spool.Close(); err != nil || opened != 1 {
			t.Errorf("opened %d times, %v", opened, err)
		}
	}
}
