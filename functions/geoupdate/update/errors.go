package update

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// A DatabaseError says why one database was not updated.
type DatabaseError struct {
	Name string // city or asn
	Err  error
}

// Error returns the name of the database and the cause.
func (e *DatabaseError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DatabaseError) Unwrap() error { return e.Err }

// A StatusError is an HTTP answer that is not a database.
type StatusError struct {
	From string // host and path
	Code int
}

// Error returns the place and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answers with HTTP status %d", e.From, e.Code)
}

// An OlderError says that a release was built before the release in place.
type OlderError struct{ Built, InPlace time.Time }

// Error returns both times.
func (e *OlderError) Error() string {
	return fmt.Sprintf("the release was built at %s, before the one in place (%s)", e.Built.UTC().Format(time.RFC3339), e.InPlace.UTC().Format(time.RFC3339))
}

var (
	// ErrChecksum is wrapped by the error for a database that does not have the
	// checksum of its source.
	ErrChecksum = errors.New("the checksum is wrong")
	// ErrSecret is wrapped by the error for a secret without a MaxMind account.
	ErrSecret = errors.New(`is not {"account_id": "…", "license_key": "…"}`)
)

// withoutURL replaces the URL in an error of net/http by its place. The query may
// contain a key, or the signature of a link to which MaxMind redirects.
func withoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", place(failed.URL), failed.Err)
	}
	return err
}

// place returns the parts of a URL that are not secret: host and path.
func place(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "the URL"
	}
	return u.Host + u.Path
}
