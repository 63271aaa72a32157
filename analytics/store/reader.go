//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"errors"
)

// Reader returns a Store for questions about the same database. It has a connection of its
// own, so it may be asked in one goroutine while this Store loads in another. A Store has
// one Reader at most, and no Load in hand when the Reader is made. It takes one
// SELECT at a time, as after the first Ask, and must be closed before this Store.
//
// The engine reaches nothing outside from here on, for both: a Load can take records and
// events, and no files.
func (s *Store) Reader(ctx context.Context) (*Store, error) {
	if s.fenced {
		return nil, errors.New("the database was opened for questions, so it is its own reader")
	}
	if s.hasReader {
		return nil, errors.New("the database has a reader already")
	}
	e, err := s.another()
	if err != nil {
		return nil, err
	}
	r := &Store{engine: e, o: s.o, readOnly: true, shared: true, fenced: true}
	if s.live, err = newLiveValues(ctx, s.engine); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.live = s.live
	for _, step := range []func() error{
		func() error { return r.exec(ctx, "USE "+catalog) },
		func() error { return r.defineViews(ctx, true) },
		func() error { return s.closeOff(ctx) },
	} {
		if err := step(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	s.hasReader = true
	return r, nil
}

// closeOff lets the engine reach nothing outside for good, and gives it the threads that
// answer questions.
func (s *Store) closeOff(ctx context.Context) error {
	for _, sql := range []string{
		setThreads(askThreads()),
		"SET allowed_directories = []", "SET allowed_paths = []",
		"SET enable_external_access = false", "SET lock_configuration = true",
	} {
		if err := s.exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
