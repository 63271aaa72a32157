package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"clearhop/aws/object"
	"clearhop/decode"
	"clearhop/record"
)

// An ObjectWalk reads the objects below a prefix in S3, in the order of their keys: an
// export of CloudWatch Logs, payloads that Firehose has delivered, or logs of any kind
// that package decode reads.
//
// Each object is a step. It is downloaded whole before it is read, since a transfer that
// waits for a slow sink is broken off.
type ObjectWalk struct {
	Bucket, Prefix string
	Get            object.Get
	List           object.List
	// Reached is called with each object that is opened: how many there were, and their
	// bytes. nil if nobody is to know.
	Reached func(key string, objects int, bytes int64)

	page    []object.Entry
	behind  string // the last key of the page
	objects int
	bytes   int64
}

// maxObject is the size of the largest object that is read, in bytes. S3 has none that
// are larger.
const maxObject = 50 << 40

// writeTest is the object that CloudWatch Logs writes before an export.
const writeTest = "aws-logs-write-test"

// Next opens the next object that is not empty.
func (w *ObjectWalk) Next(ctx context.Context, from Position) (Step, error) {
	if w.behind == "" {
		w.behind = from.Key
	}
	for {
		if len(w.page) == 0 {
			page, err := w.List.Page(ctx, w.Bucket, w.Prefix, w.behind)
			if err != nil {
				return nil, err
			}
			if len(page) == 0 {
				return nil, io.EOF
			}
			w.page, w.behind = page, page[len(page)-1].Key
		}
		entry := w.page[0]
		w.page = w.page[1:]
		if !isRead(entry) {
			continue
		}
		w.objects++
		w.bytes += entry.Size
		if w.Reached != nil {
			w.Reached(entry.Key, w.objects, w.bytes)
		}
		return w.open(ctx, entry)
	}
}

// The attempts to download an object whose transfer breaks off.
const downloads = 5

// open downloads an object.
func (w *ObjectWalk) open(ctx context.Context, entry object.Entry) (Step, error) {
	url := object.Scheme + w.Bucket + "/" + entry.Key
	o, err := object.New(object.Config{URL: url, MaxSize: maxObject, Get: w.Get})
	if err != nil {
		return nil, err
	}
	var path string
	for n := 1; ; n++ {
		if path, err = o.Fetch(ctx); err == nil {
			break
		}
		if n == downloads || ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", url, err)
		}
		wait(ctx, time.Duration(n)*time.Second)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	_ = os.Remove(path) // where an open file cannot be removed, Close does it
	return &objectStep{
		Reader: decode.NewReader(f, decode.Options{Name: url}), file: f, key: entry.Key,
		origin: &record.Origin{Source: url, File: url},
	}, nil
}

// An objectStep is an object.
type objectStep struct {
	*decode.Reader
	file   *os.File
	key    string
	origin *record.Origin // with the URL as it is: a path would lose one of its slashes
}

// Next returns the next line of the object.
func (s *objectStep) Next(ctx context.Context) (*record.Line, error) {
	if ctx.Err() != nil {
		return nil, io.EOF
	}
	line, err := s.Reader.Next()
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		var payload *decode.PayloadError
		if read, ok := errors.AsType[*decode.ReadError](err); ok {
			named := *read
			named.Name = s.origin.File
			err = &named
		}
		return nil, &BrokenError{Err: err, Rest: errors.As(err, &payload)}
	}
	if line.Origin.File != "" {
		line.Origin = s.origin
	}
	return line, nil
}

// Ended is not known before the end.
func (s *objectStep) Ended() bool { return false }

// After is the object itself.
func (s *objectStep) After() Position { return Position{Key: s.key} }

// Close removes the file.
func (s *objectStep) Close() error {
	err := s.file.Close()
	_ = os.Remove(s.file.Name())
	return err
}

var _ Walk = (*ObjectWalk)(nil)

// Left returns how many objects are behind a position, and their bytes.
func (w *ObjectWalk) Left(ctx context.Context, from Position) (objects int, bytes int64, err error) {
	behind := from.Key
	for {
		page, err := w.List.Page(ctx, w.Bucket, w.Prefix, behind)
		if err != nil || len(page) == 0 {
			return objects, bytes, err
		}
		for _, entry := range page {
			if isRead(entry) {
				objects++
				bytes += entry.Size
			}
		}
		behind = page[len(page)-1].Key
	}
}

// isRead reports whether an object can hold lines.
func isRead(entry object.Entry) bool {
	return entry.Size > 0 && !strings.HasSuffix(entry.Key, "/") && !strings.HasSuffix(entry.Key, writeTest)
}
