package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"clearhop/diagnose"
	"clearhop/verdict"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A state is what one Run leaves to the next, as an object of JSON.
type state struct {
	Version  int       `json:"version"`
	Through  time.Time `json:"through"` // the end of the last period that was judged
	Findings []known   `json:"findings"`
	// Next is the log group that it is the turn of, where not all are read each time.
	Next string `json:"next,omitempty"`
	// Lease is until when the Run that wrote the state may be sending messages.
	Lease time.Time `json:"lease,omitzero"`
	// Messages wait to be sent, in this order.
	Messages []Message `json:"messages,omitempty"`
}

const stateVersion = 1

// maxState is the size of the largest state that is read, in bytes. The findings are as
// many as there are reasons, and few messages wait.
const maxState = 4 << 20

// A known is a finding that was published, or whose end was.
type known struct {
	Code  verdict.Reason `json:"code"`
	Hop   verdict.Hop    `json:"hop,omitempty"`
	Began time.Time      `json:"began"` // when the first line was logged that shows it
	Last  time.Time      `json:"last"`  // … and the last one
	Share float64        `json:"share"` // of the lines, in the last period that showed it
	// Groups are the log groups whose lines show it.
	Groups []string `json:"groups,omitempty"`
	// Unseen are those of Groups that were not read since: there are too many.
	Unseen []string `json:"unseen,omitempty"`

	// Since the last period that showed it:
	Quiet int   `json:"quiet,omitempty"` // periods without it
	Right int64 `json:"right,omitempty"` // lines of Groups that do not show it

	Ended   *time.Time `json:"ended,omitempty"`   // nil while it lasts
	Returns int        `json:"returns,omitempty"` // how often it began again after it had ended
}

// is reports whether a finding is this one. Where several causes are left, another one may
// come first in the next period.
func (k *known) is(f *diagnose.Finding) bool {
	return k.Hop == f.Hop && (k.Code == f.Code ||
		slices.ContainsFunc(f.Alternatives, func(a diagnose.Alternative) bool { return a.Code == k.Code }))
}

// A store keeps the state in S3.
type store struct {
	calls       Calls
	bucket, key string
	etag        *string // of the state that was read or written last; nil if there is none
}

// errTaken says that another Run wrote the state meanwhile.
var errTaken = errors.New("another run has written the state meanwhile")

// load reads the state. Without an object it is empty.
func (s *store) load(ctx context.Context) (*state, error) {
	s.etag = nil
	empty := &state{Version: stateVersion}
	out, err := s.calls.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &s.key})
	if status(err) == http.StatusNotFound {
		return empty, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(out.Body, maxState))
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	s.etag = out.ETag
	var st state
	if err := json.Unmarshal(text, &st); err != nil || st.Version != stateVersion {
		return empty, nil //nolint:nilerr // another version wrote it: each finding that lasts is published again
	}
	return &st, nil
}

// save writes the state if nobody else has written it since it was read. The error is
// errTaken if somebody has.
func (s *store) save(ctx context.Context, st *state) error {
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	in := &s3.PutObjectInput{Bucket: &s.bucket, Key: &s.key, Body: bytes.NewReader(text), ContentType: aws.String("application/json"), IfMatch: s.etag}
	if s.etag == nil {
		in.IfNoneMatch = aws.String("*")
	}
	out, err := s.calls.PutObject(ctx, in)
	switch status(err) {
	case http.StatusPreconditionFailed, http.StatusConflict:
		return errTaken
	}
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	s.etag = out.ETag
	return nil
}

// status returns the status of HTTP of an answer that is an error, or 0.
func status(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}
