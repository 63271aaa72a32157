package update

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"clearhop/enrich/geoip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// An Updater updates the databases of its settings. It keeps nothing from one Run to
// the next.
type Updater struct {
	settings Settings
	store    store
	secrets  *secretsmanager.Client
	now      func() time.Time
}

// New returns an Updater that calls AWS with the configuration c. Its error is that of
// Check.
func New(s Settings, c aws.Config) (*Updater, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &Updater{
		settings: s,
		store:    store{client: s3.NewFromConfig(c), bucket: s.Bucket, prefix: s.Prefix},
		secrets:  secretsmanager.NewFromConfig(c),
		now:      time.Now,
	}, nil
}

// A Summary says what Run did.
type Summary struct {
	Databases []Result `json:"databases"`
}

// A Result says what Run did with one database.
type Result struct {
	Name  string    `json:"name"` // city or asn
	State State     `json:"state"`
	Type  string    `json:"type,omitempty"`  // the type that a new release has in its metadata
	Built time.Time `json:"built,omitzero"`  // when the release that is now in place was built
	Bytes int64     `json:"bytes,omitempty"` // the size of a new release
}

// A State is the outcome for one database.
type State string

const (
	// Updated: a new release was put in place.
	Updated State = "updated"
	// Unchanged: the release in place is the newest.
	Unchanged State = "unchanged"
	// Failed: the release in place stays; Run returned a DatabaseError.
	Failed State = "failed"
)

// Run updates all databases. Its error joins a *DatabaseError for each database that
// failed. The Summary is valid in any case.
func (u *Updater) Run(ctx context.Context) (Summary, error) {
	var summary Summary
	var errs []error
	account := &account{client: u.secrets, id: u.settings.Secret}
	for _, name := range slices.Sorted(maps.Keys(u.settings.Databases)) {
		result, err := u.update(ctx, name, account)
		if err != nil {
			result.State = Failed
			errs = append(errs, &DatabaseError{Name: name, Err: err})
		}
		summary.Databases = append(summary.Databases, result)
	}
	return summary, errors.Join(errs...)
}

// update updates one database.
func (u *Updater) update(ctx context.Context, name string, account *account) (Result, error) {
	result := Result{Name: name}
	old, err := u.store.head(ctx, name)
	if err != nil {
		return result, fmt.Errorf("look up the release in place: %w", err)
	}
	result.Built = old.built
	next, err := u.fetch(ctx, u.settings.Databases[name], old, account)
	if err != nil {
		return result, fmt.Errorf("fetch: %w", withoutURL(err))
	}
	if next.path == "" {
		result.State = Unchanged
		return result, nil
	}
	defer func() { _ = os.Remove(next.path) }() // an error does not matter, the file is in /tmp
	info, err := geoip.Verify(ctx, kinds[name], next.source, next.path)
	if err != nil {
		return result, err
	}
	if info.Built.Before(old.built) {
		return result, &OlderError{Built: info.Built, InPlace: old.built}
	}
	next.built = info.Built
	size, err := u.store.put(ctx, name, next)
	if err != nil {
		return result, fmt.Errorf("put in place: %w", err)
	}
	return Result{Name: name, State: Updated, Type: info.Type, Built: info.Built, Bytes: size}, nil
}

// A release is one version of a database. The zero release means none.
type release struct {
	source  string // an edition of MaxMind, or host and path of a URL
	version string // what identifies it at the source, or ""
	built   time.Time
	path    string // the temporary file of a new release
}

// fetch downloads the current release at from. Its path is "" if it is the old
// release.
func (u *Updater) fetch(ctx context.Context, from string, old release, account *account) (release, error) {
	if !isURL(from) {
		return fetchEdition(ctx, u.settings.Endpoint, from, old, account)
	}
	return fetchURL(ctx, from, u.now(), old)
}
