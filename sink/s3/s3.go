// Package s3 is the sink for objects in an S3 bucket, as NDJSON or Parquet.
//
// In go documents, each a JSON object with "@timestamp" and a newline. Each Put
// writes one object for each hour that its documents belong to:
//
//	PREFIX dt=2026-11-22/hour=11/1f3a….ndjson.gz
//
//	client := awss3.NewFromConfig(cfg) // of aws-sdk-go-v2
//	s, err := s3.New(s3.Config{Client: client, Bucket: "events", Prefix: "nginx/", Format: s3.Parquet})
//	err = s.Put(ctx, docs)
//	var failed *sink.PutError
//	if errors.As(err, &failed) {
//		// all but failed.Failures are in S3
//	}
//
// # Keys
//
// dt and hour are those of the documents' own "@timestamp", in UTC. So a query for
// an hour reads only the keys of that hour, however late a line came. The name is
// a hash of the documents' ids: the same documents, put again, replace the object.
// A Put returns when the fate of each document is known, and nothing is gathered
// from one Put to the next. So put many documents at a time.
//
// # Contents
//
// Compressed objects have the content type of their compression, such as
// application/gzip, and no Content-Encoding. With a Content-Encoding some readers
// would decompress twice: once for it and once for the ending of the key.
//
// A document without a readable "@timestamp", or with a key for which Parquet has no
// column, fails alone, with [ErrDocument].
//
// # Delivery
//
// Retries are those of [retry.Policy]. A Sink is safe for concurrent use. Each Put
// makes one call at a time and holds one object in memory.
package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"clearhop/sink"
	"clearhop/sink/retry"
)

// A Client is what the Sink needs of the SDK's s3.Client. It is safe for
// concurrent use, and keeps neither the input nor its body after it returned.
type Client interface {
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
}

// Config is what a Sink is made of. Client and Bucket have no default.
type Config struct {
	// Client makes the calls. The Sink turns off the client's own retries for
	// each call, so that they do not multiply with the Sink's.
	Client Client

	// Bucket is the name of the bucket.
	Bucket string

	// Prefix begins each key. It is empty or ends with a slash.
	Prefix string

	// Format is what objects hold. Empty means NDJSONGzip.
	Format Format

	// KMSKey is the id or ARN of the key that encrypts objects. Empty means the
	// encryption of the bucket.
	KMSKey string

	// Retry says how often and how long to try.
	Retry retry.Policy
}

// ErrDocument says that the Sink cannot store a document: it has no readable time,
// or no column for a key.
var ErrDocument = errors.New("document cannot be filed")

// A Sink puts documents into one bucket.
type Sink struct {
	meter   sink.Meter
	config  Config
	format  format
	buffers sync.Pool
	closed  atomic.Bool
}

var (
	_ sink.Sink    = (*Sink)(nil)
	_ sink.Metered = (*Sink)(nil)
	_ Client       = (*awss3.Client)(nil)
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// New returns a Sink, or an error that names every setting that is wrong. It
// makes no call.
func New(c Config) (*Sink, error) {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("no client"))
	}
	if !bucketName.MatchString(c.Bucket) {
		errs = append(errs, fmt.Errorf("bucket name %q: want 3 to 63 of a-z, 0-9, . and -", c.Bucket))
	}
	if c.Prefix != "" && (strings.HasPrefix(c.Prefix, "/") || !strings.HasSuffix(c.Prefix, "/")) {
		errs = append(errs, fmt.Errorf("prefix %q: want none, or one that ends with a slash and does not begin with one", c.Prefix))
	}
	f, ok := formats[cmp.Or(c.Format, NDJSONGzip)]
	if !ok {
		errs = append(errs, fmt.Errorf("there is no format %q; known: %s, %s, %s", string(c.Format), NDJSONGzip, NDJSONZstd, Parquet))
	}
	policy, err := c.Retry.Complete()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("s3 sink: %w", err)
	}
	c.Format, c.Retry = cmp.Or(c.Format, NDJSONGzip), policy
	return &Sink{config: c, format: f, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}, nil
}

// Put writes an object for each hour of docs and returns when each object is
// written or given up.
//
// The errors of a [sink.PutError] wrap [ErrDocument], [retry.ErrOutOfTime],
// [retry.ErrAttempts] or the context's own, and all but the first also the SDK's
// last error. An error that every call would meet, such as a missing permission,
// fails the rest of docs without a call. No error holds anything of a document.
func (s *Sink) Put(ctx context.Context, docs []sink.Document) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return sink.ErrClosed
	}
	if len(docs) == 0 {
		return nil
	}
	ctx, cancel := s.config.Retry.WithReserve(ctx)
	defer cancel()

	parts, failures := partition(docs)
	var stop error
	for _, p := range parts {
		if stop != nil {
			failures = p.appendFailures(failures, fmt.Errorf("not sent after another call failed: %w", stop))
			continue
		}
		failures, stop = s.putPart(ctx, docs, p, failures)
	}
	if len(failures) == 0 {
		return nil
	}
	s.meter.Count(sink.Stats{DocumentsFailed: int64(len(failures))})
	slices.SortFunc(failures, func(a, b sink.Failure) int { return cmp.Compare(a.Index, b.Index) })
	return &sink.PutError{Failures: failures}
}

// Close makes further Puts fail. Puts that are running go on to their end. Nothing
// that could be lost is kept between Puts.
func (s *Sink) Close(context.Context) error {
	s.closed.Store(true)
	return nil
}

// TakeStats implements sink.Metered. Records are objects, and Bytes are their
// compressed lengths. S3 bills each call, and the bytes for as long as they stay.
func (s *Sink) TakeStats() sink.Stats { return s.meter.TakeStats() }

// A part is the documents of one hour.
type part struct {
	folder  string // of its key, after the prefix
	indices []int  // of its documents
}

// partition groups documents by their hours. Documents without a readable time
// fail. Empty documents have nothing to deliver.
func partition(docs []sink.Document) (parts []*part, failures []sink.Failure) {
	byFolder := map[string]*part{}
	for i := range docs {
		if len(docs[i].Data) == 0 {
			continue
		}
		folder, err := folderOf(docs[i].Data)
		if err != nil {
			failures = append(failures, sink.Failure{Index: i, Err: err})
			continue
		}
		p := byFolder[folder]
		if p == nil {
			p = &part{folder: folder}
			byFolder[folder] = p
			parts = append(parts, p)
		}
		p.indices = append(p.indices, i)
	}
	return parts, failures
}

func (p *part) appendFailures(failures []sink.Failure, err error) []sink.Failure {
	for _, i := range p.indices {
		failures = append(failures, sink.Failure{Index: i, Err: err})
	}
	return failures
}

// maxKept bounds the buffers that are kept from Put to Put, in bytes.
const maxKept = 8 << 20

// putPart writes the object of a part. It returns the error that the rest of the
// Put would meet as well, if there is one.
func (s *Sink) putPart(ctx context.Context, docs []sink.Document, p *part, failures []sink.Failure) ([]sink.Failure, error) {
	buf := s.buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxKept {
			s.buffers.Put(buf)
		}
	}()
	buf.Reset()
	malformed, err := s.format.write(buf, docs, p.indices)
	if err != nil {
		return p.appendFailures(failures, fmt.Errorf("s3 object: %w", err)), nil
	}
	for _, f := range malformed {
		p.indices = slices.DeleteFunc(p.indices, func(i int) bool { return i == f.Index })
	}
	failures = append(failures, malformed...)
	if len(p.indices) == 0 {
		return failures, nil
	}
	input := &awss3.PutObjectInput{
		Bucket:      &s.config.Bucket,
		Key:         aws.String(s.config.Prefix + p.folder + name(docs, p.indices) + "." + string(s.config.Format)),
		ContentType: &s.format.mediaType,
	}
	if s.config.KMSKey != "" {
		input.ServerSideEncryption = types.ServerSideEncryptionAwsKms
		input.SSEKMSKeyId = &s.config.KMSKey
		input.BucketKeyEnabled = aws.Bool(true) // one call to KMS for many objects
	}
	err = s.putObject(ctx, input, buf.Bytes())
	if err == nil {
		s.meter.Count(sink.Stats{Documents: int64(len(p.indices)), Records: 1, Bytes: int64(buf.Len()), BytesBilled: int64(buf.Len())})
		return failures, nil
	}
	err = fmt.Errorf("s3 bucket %s: %w", s.config.Bucket, err)
	return p.appendFailures(failures, err), err
}

// putObject makes the call, again if need be, until it passes or is given up.
func (s *Sink) putObject(ctx context.Context, input *awss3.PutObjectInput, body []byte) error {
	var last error
	attempts := 0
	reason := s.config.Retry.Do(ctx, func(timed context.Context, _ int) (bool, error) {
		input.Body = bytes.NewReader(body)
		_, err := s.config.Client.PutObject(timed, input, noRetries)
		seen := sink.Stats{Calls: 1, Retries: int64(min(attempts, 1)), BytesSent: int64(len(body))}
		if err != nil && retry.Throttled(err) {
			seen.Throttles = 1
		}
		s.meter.Count(seen)
		attempts++
		if last == nil || ctx.Err() == nil {
			last = err // but not an error that only says that the Put's time is over
		}
		return err == nil, err
	})
	switch {
	case reason == nil:
		return nil
	case errors.Is(reason, retry.ErrFinal):
		return last
	case last == nil:
		return fmt.Errorf("%w after %d attempts", reason, attempts)
	}
	return fmt.Errorf("%w after %d attempts: %w", reason, attempts, last)
}

// noRetries leaves retries to the Sink, whatever the client was made with.
func noRetries(o *awss3.Options) { o.Retryer = aws.NopRetryer{} }

// name returns a hash of the ids of an object's documents. For a document without
// an id, its data is hashed.
func name(docs []sink.Document, indices []int) string {
	h := sha256.New()
	var length [8]byte
	for _, i := range indices {
		of := docs[i].ID
		if len(of) == 0 {
			of = docs[i].Data
		}
		// With their lengths, so that "a", "bc" is not "ab", "c".
		binary.BigEndian.PutUint64(length[:], uint64(len(of)))
		h.Write(length[:])
		h.Write(of)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
