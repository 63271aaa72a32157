package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"clearhop/aws/object"
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

// A Kind is a kind of sink.
type Kind string

// The kinds.
const (
	Firehose Kind = "firehose" // a stream of Amazon Data Firehose
	Kinesis  Kind = "kinesis"  // a stream of Kinesis Data Streams
	S3       Kind = "s3"       // objects below a prefix in a bucket
	SQS      Kind = "sqs"      // a standard queue
	File     Kind = "file"     // a file, which is appended to
	Stdout   Kind = "stdout"   // standard output
)

// A Target is one sink, as settings name it.
type Target struct {
	Kind Kind

	// Name is the name of a Firehose stream; the name or ARN of a Kinesis
	// stream; s3://bucket/prefix/; the URL of a queue; or the path of a file.
	Name string

	// Format is what objects in S3 hold. Empty means s3.NDJSONGzip.
	Format s3.Format

	// Single makes a record of each document, for the kinds Firehose and
	// Kinesis. It is for documents that are not events, such as payloads, and
	// never shortens them.
	Single bool

	// Rows makes a row of an Iceberg table of each event, for the kind Firehose.
	Rows bool

	// Reserve is the time that is left until the deadline of a Put's context
	// when the sink gives up. 0 means the default of retry.Policy.
	Reserve time.Duration
}

// An Opener opens sinks. It loads the configuration of AWS, as the AWS tools do,
// when the first sink needs it. The zero value is ready for use, but for Stdout.
type Opener struct {
	// Stdout is what sinks of the kind Stdout write to.
	Stdout io.Writer

	// AWS is the configuration to use. Nil means that it is loaded, as the AWS tools do.
	AWS *aws.Config

	// Retry says how sinks try again. The Reserve of a Target takes the place of its
	// Reserve.
	Retry retry.Policy

	mu     sync.Mutex
	config *aws.Config
}

// askQueue is how long a queue is asked about itself, while a function starts.
const askQueue = 2 * time.Second

// Open opens a sink. It makes no call to AWS, but for one to a queue, which is asked how
// long its messages may be (sqs.MessageBytes). ctx is for that and for the configuration;
// a configuration that could not be loaded is loaded again the next time.
func (o *Opener) Open(ctx context.Context, t Target) (sink.Sink, error) {
	switch t.Kind {
	case File:
		return file.Append(t.Name)
	case Stdout:
		return file.New(o.Stdout), nil
	}
	c, err := o.load(ctx)
	if err != nil {
		return nil, err
	}
	policy := o.Retry
	policy.Reserve = t.Reserve
	switch t.Kind {
	case Firehose:
		return firehose.New(firehose.Config{Client: awsfirehose.NewFromConfig(c), Stream: t.Name, Single: t.Single, Rows: t.Rows, Retry: policy})
	case Kinesis:
		return kinesis.New(kinesis.Config{Client: awskinesis.NewFromConfig(c), Stream: t.Name, Single: t.Single, Retry: policy})
	case SQS:
		client := awssqs.NewFromConfig(c)
		ask, cancel := context.WithTimeout(ctx, askQueue)
		defer cancel()
		return sqs.New(sqs.Config{Client: client, QueueURL: t.Name, MaxMessageBytes: sqs.MessageBytes(ask, client, t.Name), Retry: policy})
	case S3:
		bucket, prefix, err := splitPlace(t.Name)
		if err != nil {
			return nil, err
		}
		return s3.New(s3.Config{Client: awss3.NewFromConfig(c, pathStyle), Bucket: bucket, Prefix: prefix, Format: t.Format, Retry: policy})
	}
	return nil, fmt.Errorf("there is no kind of sink %q", t.Kind)
}

func (o *Opener) load(ctx context.Context) (aws.Config, error) {
	if o.AWS != nil {
		return *o.AWS, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.config == nil {
		loaded, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return aws.Config{}, fmt.Errorf("aws configuration: %w", err)
		}
		o.config = &loaded
	}
	return *o.config, nil
}

// pathStyle puts the bucket into the path of URLs where the endpoint is not one
// of AWS: the host of a stand-in does not have the bucket in its name.
func pathStyle(o *awss3.Options) { o.UsePathStyle = o.BaseEndpoint != nil }

// splitPlace splits s3://bucket/prefix/. The prefix is empty or ends with a slash.
func splitPlace(url string) (bucket, prefix string, err error) {
	bucket, prefix, ok := object.SplitURL(url)
	if !ok {
		return "", "", errors.New("is not of the form s3://bucket/prefix/")
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return bucket, prefix, nil
}

// checkPlace returns what is wrong with s3://bucket/prefix/.
func checkPlace(url string) error {
	_, _, err := splitPlace(url)
	return err
}
