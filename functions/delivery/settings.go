package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"clearhop/sink"
	"clearhop/sink/file"
	"clearhop/sink/firehose"
	"clearhop/sink/kinesis"
	"clearhop/sink/retry"
	"clearhop/sink/s3"
	"clearhop/sink/sqs"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	awskinesis "github.com/aws/aws-sdk-go-v2/service/kinesis"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Settings say where events go. They are read from the environment.
type Settings struct {
	Sink           string            `env:"CLEARHOP_SINK" default:"firehose" help:"Where events go: firehose, kinesis, s3, file (for local runs) or stdout."`
	FirehoseStream string            `env:"CLEARHOP_FIREHOSE_STREAM" help:"Name of the Firehose stream, for the sink firehose."`
	KinesisStream  string            `env:"CLEARHOP_KINESIS_STREAM" help:"Name of the Kinesis data stream, for the sink kinesis."`
	S3             string            `env:"CLEARHOP_S3" help:"Bucket and prefix, as s3://bucket/prefix/, for the sink s3: one object for each hour that the events of a payload fall in."`
	S3Format       string            `env:"CLEARHOP_S3_FORMAT" default:"ndjson.gz" help:"What the objects of the sink s3 hold: ndjson.gz, ndjson.zst or parquet."`
	File           string            `env:"CLEARHOP_FILE" help:"Path of the file that events are appended to, for the sink file."`
	Routes         map[string]string `env:"CLEARHOP_ROUTES" envSeparator:"," envKeyValSeparator:"=" help:"Sinks for the events that a rule routes, as NAME=SINK, separated by commas: firehose:STREAM, kinesis:STREAM or s3://bucket/prefix/."`
	LetterSettings
}

// LetterSettings say where dead letters go.
type LetterSettings struct {
	DeadLetters string `env:"CLEARHOP_DEAD_LETTERS" help:"Where events go that the sink did not take, and payloads that cannot be read: s3://bucket/prefix/ or the URL of an SQS queue. Without it the invocation fails."`
}

// Times within an invocation.
const (
	// sinkReserve is left of an invocation's time when the sink gives up, for
	// dead letters and the answer.
	sinkReserve = 5 * time.Second
	// letterReserve is left when the dead letters give up, for the answer.
	letterReserve = time.Second
)

// sinkSettings are the settings that belong to one sink only.
func (s Settings) sinkSettings() []struct{ sink, name, value string } {
	return []struct{ sink, name, value string }{
		{"firehose", "CLEARHOP_FIREHOSE_STREAM", s.FirehoseStream},
		{"kinesis", "CLEARHOP_KINESIS_STREAM", s.KinesisStream},
		{"s3", "CLEARHOP_S3", s.S3},
		{"file", "CLEARHOP_FILE", s.File},
	}
}

// Check returns everything that is wrong with s.
func (s Settings) Check() error {
	var errs []error
	known := s.Sink == "stdout"
	for _, of := range s.sinkSettings() {
		switch {
		case s.Sink == of.sink && of.value == "":
			errs = append(errs, fmt.Errorf("%s: the sink %s needs it", of.name, s.Sink))
		case s.Sink != of.sink && of.value != "":
			errs = append(errs, fmt.Errorf("%s: is given, but the sink is %s", of.name, cmp.Or(s.Sink, "none")))
		}
		known = known || s.Sink == of.sink
	}
	if !known {
		errs = append(errs, fmt.Errorf("CLEARHOP_SINK: there is no sink %q; known: firehose, kinesis, s3, file, stdout", s.Sink))
	}
	if s.S3 != "" {
		_, _, err := bucketAndPrefix(s.S3)
		errs = append(errs, named("CLEARHOP_S3", err))
	}
	switch s3.Format(s.S3Format) {
	case s3.NDJSONGzip, s3.NDJSONZstd, s3.Parquet:
	default:
		errs = append(errs, fmt.Errorf("CLEARHOP_S3_FORMAT: there is no format %q; known: %s, %s, %s", s.S3Format, s3.NDJSONGzip, s3.NDJSONZstd, s3.Parquet))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Routes)) {
		if _, err := s.route(s.Routes[name]); err != nil {
			errs = append(errs, fmt.Errorf("CLEARHOP_ROUTES: %s: %w", name, err))
		}
	}
	errs = append(errs, s.LetterSettings.Check())
	return errors.Join(errs...)
}

// Check returns what is wrong with s.
func (s LetterSettings) Check() error {
	if strings.HasPrefix(s.DeadLetters, "s3:") {
		_, _, err := bucketAndPrefix(s.DeadLetters)
		return named("CLEARHOP_DEAD_LETTERS", err)
	}
	if u, err := url.Parse(s.DeadLetters); s.DeadLetters != "" && (err != nil || u.Host == "") {
		return errors.New("CLEARHOP_DEAD_LETTERS: is neither s3://bucket/prefix/ nor the URL of a queue")
	}
	return nil
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// bucketAndPrefix takes s3://bucket/prefix/ apart.
func bucketAndPrefix(text string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(text, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", errors.New("is not of the form s3://bucket/prefix/")
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, nil
}

// A clientFor makes AWS clients of one configuration, which is loaded when the
// first one asks for it.
type clientFor struct {
	ctx    context.Context
	config *aws.Config
}

func (c *clientFor) load() (aws.Config, error) {
	if c.config == nil {
		loaded, err := config.LoadDefaultConfig(c.ctx)
		if err != nil {
			return aws.Config{}, fmt.Errorf("aws configuration: %w", err)
		}
		c.config = &loaded
	}
	return *c.config, nil
}

// open opens the sink that s names. The settings must have passed Check.
func (s Settings) open(clients *clientFor, stdout io.Writer) (sink.Sink, error) {
	switch s.Sink {
	case "file":
		return file.Append(s.File)
	case "stdout":
		return file.New(stdout), nil
	}
	c, err := clients.load()
	if err != nil {
		return nil, err
	}
	policy := retry.Policy{Reserve: sinkReserve}
	switch s.Sink {
	case "kinesis":
		return kinesis.New(kinesis.Config{Client: awskinesis.NewFromConfig(c), Stream: s.KinesisStream, Retry: policy})
	case "s3":
		bucket, prefix, err := bucketAndPrefix(s.S3)
		if err != nil {
			return nil, err
		}
		return s3.New(s3.Config{Client: awss3.NewFromConfig(c, pathStyle), Bucket: bucket, Prefix: prefix, Format: s3.Format(s.S3Format), Retry: policy})
	}
	return firehose.New(firehose.Config{Client: awsfirehose.NewFromConfig(c), Stream: s.FirehoseStream, Retry: policy})
}

// route returns the settings of a route's sink.
func (s Settings) route(to string) (Settings, error) {
	kind, name, _ := strings.Cut(to, ":")
	r := Settings{Sink: kind, S3Format: s.S3Format}
	switch kind {
	case "firehose":
		r.FirehoseStream = name
	case "kinesis":
		r.KinesisStream = name
	case "s3":
		r.S3 = to
	default:
		return r, fmt.Errorf("%q is none of firehose:STREAM, kinesis:STREAM and s3://bucket/prefix/", to)
	}
	if err := r.Check(); err != nil {
		return r, fmt.Errorf("%q is none of firehose:STREAM, kinesis:STREAM and s3://bucket/prefix/", to)
	}
	return r, nil
}

// openRoutes opens the sinks of the routes.
func (s Settings) openRoutes(clients *clientFor) ([]Route, error) {
	var routes []Route
	for _, name := range slices.Sorted(maps.Keys(s.Routes)) {
		settings, err := s.route(s.Routes[name])
		if err != nil {
			return nil, err
		}
		to, err := settings.open(clients, nil)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", name, err)
		}
		routes = append(routes, Route{name, to})
	}
	return routes, nil
}

// open opens where dead letters go; nil if there is no such place.
func (s LetterSettings) open(clients *clientFor) (sink.Sink, error) {
	if s.DeadLetters == "" {
		return nil, nil
	}
	c, err := clients.load()
	if err != nil {
		return nil, err
	}
	policy := retry.Policy{Reserve: letterReserve}
	if !strings.HasPrefix(s.DeadLetters, "s3:") {
		return sqs.New(sqs.Config{Client: awssqs.NewFromConfig(c), QueueURL: s.DeadLetters, Retry: policy})
	}
	bucket, prefix, err := bucketAndPrefix(s.DeadLetters)
	if err != nil {
		return nil, err
	}
	return s3.New(s3.Config{Client: awss3.NewFromConfig(c, pathStyle), Bucket: bucket, Prefix: prefix, Format: s3.NDJSONGzip, Retry: policy})
}

// pathStyle addresses buckets by path where the endpoint is not AWS's own: on a
// stand-in the name of a bucket is no name of a host.
func pathStyle(o *awss3.Options) { o.UsePathStyle = o.BaseEndpoint != nil }
