package feed

import (
	"context"
	"io"

	"clearhop/record"
)

// Pages give lines page by page, as a service does that is asked for them. They are for
// one goroutine.
type Pages interface {
	// Next returns the lines of the next page, which may have none, and io.EOF after the
	// last page. The lines hold until the next call. Lines of several streams may come
	// one between the other; those of one stream have the same Origin.
	Next(ctx context.Context) ([]record.Line, error)
}

// Paged returns an Input that reads pages. open is called when its turn comes.
func Paged(open func(ctx context.Context) (Pages, error)) Input {
	return func(ctx context.Context) (Source, error) {
		pages, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return &paged{ctx: ctx, pages: pages}, nil
	}
}

// A paged is the Source of pages.
type paged struct {
	ctx   context.Context
	pages Pages
	page  []record.Line // those that Next has not returned
	bytes int64
}

// Next returns the next line. An interrupt is the end.
func (p *paged) Next() (*record.Line, error) {
	for len(p.page) == 0 {
		page, err := p.pages.Next(p.ctx)
		switch {
		case p.ctx.Err() != nil:
			return nil, io.EOF
		case err != nil:
			return nil, err
		}
		p.page = page
	}
	line := &p.page[0]
	p.page = p.page[1:]
	p.bytes += int64(len(line.Text))
	return line, nil
}

// Ready is false where the next page has to be asked for.
func (p *paged) Ready() bool { return len(p.page) > 0 }

// Counts has the bytes of the lines, because nobody knows how they were stored.
func (p *paged) Counts() Counts { return Counts{Inputs: 1, Bytes: p.bytes} }

// Close does nothing: nothing is open between two pages.
func (p *paged) Close() error { return nil }

// mixes reports whether the first line of a stream says nothing about the streams before.
func mixes(s Source) bool {
	m, ok := s.(interface{ mixesStreams() bool })
	return ok && m.mixesStreams()
}

func (p *paged) mixesStreams() bool { return true }
