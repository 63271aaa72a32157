package update

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"clearhop/functions/geoupdate/unpack"
)

// month is the placeholder in a URL for the month of a database.
const month = "{month}"

// fetchURL downloads the file at a URL and unpacks it. The version of the release is
// the ETag of the answer or, without one, its Last-Modified. If the URL contains
// {month} and there is no file for the current month, it tries the month before.
func fetchURL(ctx context.Context, from string, now time.Time, old release) (release, error) {
	if !strings.Contains(from, month) {
		return fetchOne(ctx, from, old)
	}
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	in := func(t time.Time) string { return strings.ReplaceAll(from, month, t.Format("2006-01")) }
	next, err := fetchOne(ctx, in(first), old)
	if status, ok := errors.AsType[*StatusError](err); ok && status.Code == http.StatusNotFound {
		return fetchOne(ctx, in(first.AddDate(0, -1, 0)), old)
	}
	return next, err
}

// fetchOne is fetchURL for a URL without {month}.
func fetchOne(ctx context.Context, from string, old release) (_ release, err error) {
	next := release{source: place(from)}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return release{}, err
	}
	request.Header.Set("User-Agent", "clearhop")
	if old.source == next.source && old.version != "" {
		if isETag(old.version) {
			request.Header.Set("If-None-Match", old.version)
		} else {
			request.Header.Set("If-Modified-Since", old.version)
		}
	}
	response, err := httpClient().Do(request)
	if err != nil {
		return release{}, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return next, nil
	default:
		return release{}, &StatusError{From: next.source, Code: response.StatusCode}
	}
	next.version = response.Header.Get("ETag")
	if !isETag(next.version) {
		next.version = response.Header.Get("Last-Modified")
	}
	unpacked, err := unpack.Database(response.Body)
	if err != nil {
		return release{}, err
	}
	next.path, err = save(unpacked)
	return next, err
}

// isETag reports whether a version is an ETag.
func isETag(version string) bool {
	return strings.HasPrefix(version, `"`) || strings.HasPrefix(version, `W/"`)
}

// httpClient returns a client that follows redirects, but not from https to http.
// Package net/http removes the Authorization header from a redirected request to
// another host.
func httpClient() *http.Client {
	return &http.Client{CheckRedirect: func(request *http.Request, via []*http.Request) error {
		const maxRedirects = 10
		switch {
		case len(via) >= maxRedirects:
			return errors.New("too many redirects")
		case request.URL.Scheme != "https" && via[0].URL.Scheme == "https":
			return errors.New("a redirect leads away from https")
		}
		return nil
	}}
}
