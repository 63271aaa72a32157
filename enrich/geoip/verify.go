package geoip

import (
	"context"
	"errors"
	"fmt"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Verify reads the whole database in the file at path and describes it. It returns an
// error if the database is of another kind, if any part of it is damaged, or if
// addresses cannot be looked up in it. The errors are those of Replace, and one that
// says where the damage is. They show name as the path of the file.
//
// A City file of 130 MB takes about five seconds of CPU time and 230 MB of memory. When
// ctx ends first, its error is returned, and the reading goes on in the
// background: the file may be removed, but not changed.
func Verify(ctx context.Context, kind Kind, name, path string) (Info, error) {
	d, err := open(kind, name, path)
	if err != nil {
		return Info{}, err
	}
	info := d.info()
	if err := errors.Join(d.probe(kind), d.Close()); err != nil {
		return Info{}, err
	}
	read := make(chan error, 1)
	go func() { read <- verify(path) }()
	select {
	case err = <-read:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return Info{}, fmt.Errorf("database %s: verify: %w", name, err)
	}
	return info, nil
}

func verify(path string) error {
	r, err := maxminddb.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(r.Verify(), r.Close())
}
