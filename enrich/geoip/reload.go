package geoip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// A Reloader looks for new versions of databases and replaces the old ones. It is for
// one goroutine at a time. The Readers of the databases may be used at the same time.
type Reloader struct {
	databases *Databases
	sources   []*databaseSource
}

// A databaseSource is where the versions of one database come from: a file that is
// renamed into place, or an object in S3.
type databaseSource struct {
	setting string
	kind    Kind
	name    string // a path, or the URL of an object

	fetch Fetch       // nil for a file
	seen  os.FileInfo // of the version of a file that was tried last; nil before
}

// A ReloadError says that a database could not be looked at again, or that its
// new version is invalid. The database before it is still used.
type ReloadError struct {
	Setting string // city-db or asn-db
	Source  string // the value of the setting
	Err     error  // of this package, of the file system or of a Fetch
	// Built is when the database that is still used was built; zero if there is
	// none.
	Built time.Time
}

// Error gives the cause, and says which database answers now.
func (e *ReloadError) Error() string {
	holds := "until then there is no database"
	if !e.Built.IsZero() {
		holds = "the one built at " + e.Built.UTC().Format(time.RFC3339) + " still holds"
	}
	return fmt.Sprintf("%s: %v; %s", e.Setting, e.Err, holds)
}

// Unwrap returns the cause.
func (e *ReloadError) Unwrap() error { return e.Err }

// ReloadErrors are the errors of one look, one for each database that failed.
type ReloadErrors []*ReloadError

// Error gives one line for each database.
func (e ReloadErrors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors one by one.
func (e ReloadErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// Look looks for new versions and loads them. ctx bounds the downloads.
//
// The error is a ReloadErrors. An unreachable source is reported on every look;
// an invalid new version is reported once. retry says that an error may pass, so
// that the next look should come sooner.
func (r *Reloader) Look(ctx context.Context) (retry bool, err error) {
	var errs ReloadErrors
	for _, s := range r.sources {
		permanent, err := s.load(ctx, r.databases)
		if err != nil {
			retry = retry || !permanent
			errs = append(errs, &ReloadError{Setting: s.setting, Source: s.name, Err: err, Built: r.databases.Built(s.kind)})
		}
	}
	if len(errs) == 0 {
		return false, nil
	}
	return retry, errs
}

// open makes the Fetch of an object.
func (s *databaseSource) open(openObject func(url string) (Fetch, error)) (err error) {
	if openObject == nil {
		return fmt.Errorf("%.200q: only the functions can read objects in S3: download it, for example with aws s3 cp", s.name)
	}
	s.fetch, err = openObject(s.name)
	return err
}

// remember stores which version of the file is there. It reports no error, because the
// opening of the file does.
func (s *databaseSource) remember() { s.seen, _ = os.Stat(s.name) }

// load loads the new version of a database, if there is one. permanent says that
// the error is the version's own and will not pass.
func (s *databaseSource) load(ctx context.Context, to *Databases) (permanent bool, err error) {
	if s.fetch == nil {
		info, err := os.Stat(s.name)
		if err != nil || s.isSeen(info) {
			return false, err
		}
		s.seen = info
		return true, to.Replace(s.kind, s.name, s.name)
	}
	path, err := s.fetch(ctx)
	if err != nil {
		var cause interface{ Permanent() bool }
		permanent = errors.As(err, &cause) && cause.Permanent()
		return permanent, fmt.Errorf("%s: %w", s.name, err)
	}
	if path == "" {
		return false, nil
	}
	// The file stays mapped without its name, so that nothing is left behind in
	// /tmp when the process ends.
	return true, errors.Join(to.Replace(s.kind, s.name, path), os.Remove(path))
}

// isSeen reports whether info is that of the version that was tried last.
func (s *databaseSource) isSeen(info os.FileInfo) bool {
	return s.seen != nil && os.SameFile(info, s.seen) && info.Size() == s.seen.Size() && info.ModTime().Equal(s.seen.ModTime())
}
