package store

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"

	"clearhop/decode"
	"clearhop/internal/jsonscan"
)

// A Kind is what a file holds.
type Kind uint8

// The kinds.
const (
	Empty   Kind = iota
	Logs         // anything that holds no events
	Events       // NDJSON, plain or compressed
	Parquet      // of any columns
	Folder
)

// sniffSize is how much of a stream is looked at.
const sniffSize = 64 << 10

// Sniff says what a file or a folder holds, by its beginning. What is no regular file
// counts as logs: looking at it would take its beginning away.
func Sniff(name string) (Kind, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return Logs, err
	case info.IsDir():
		return Folder, nil
	case !info.Mode().IsRegular():
		return Logs, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return Logs, err
	}
	defer f.Close()
	kind, _, err := SniffReader(f)
	return kind, err
}

// SniffReader says what a stream holds, by its first line, and returns a reader of all
// of it.
func SniffReader(r io.Reader) (Kind, io.Reader, error) {
	in := bufio.NewReaderSize(r, sniffSize)
	head, err := in.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return Logs, in, err
	case len(head) == 0:
		return Empty, in, nil
	case string(head) == "PAR1":
		return Parquet, in, nil
	}
	// A pipe gives what it has; a file fills the buffer.
	if _, err := in.Peek(in.Buffered()); err != nil {
		return Logs, in, err
	}
	head, _ = in.Peek(in.Buffered())
	lines := decode.NewReader(bytes.NewReader(head), decode.Options{})
	line, err := lines.Next()
	if err != nil || !isEvent(line.Text) {
		return Logs, in, nil
	}
	return Events, in, nil
}

// isEvent reports whether a line is an event as package encode writes it: it has a
// schema_version, and an event with an id and a dataset. An access log in JSON has not.
func isEvent(line []byte) bool {
	var version, id, dataset bool
	s := jsonscan.Scanner{B: line}
	s.Enter('{')
	for key, more := s.Key(true); more; key, more = s.Key(false) {
		switch {
		case string(key) == "schema_version":
			v, ok := s.Value()
			version = ok && v.Kind == jsonscan.Number
		case string(key) == "event" && s.Peek() == '{':
			s.Enter('{')
			for key, more := s.Key(true); more; key, more = s.Key(false) {
				name := string(key)
				v, ok := s.Value()
				id = id || ok && name == "id" && v.Kind == jsonscan.Text
				dataset = dataset || ok && name == "dataset" && v.Kind == jsonscan.Text
			}
		default:
			s.Value()
		}
	}
	return s.Err == nil && version && id && dataset
}
