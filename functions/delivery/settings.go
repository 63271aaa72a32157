// Package delivery is what the functions share behind the pipeline: the sink
// that the environment chooses, and the way of a payload's lines into it.
package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"clearhop/sink"
	"clearhop/sink/file"
	"clearhop/sink/firehose"

	"github.com/aws/aws-sdk-go-v2/config"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
)

// Settings say where events go. They are read from the environment.
type Settings struct {
	Sink           string `env:"CLEARHOP_SINK" default:"firehose" help:"Where events go: firehose, file (for local runs) or stdout."`
	FirehoseStream string `env:"CLEARHOP_FIREHOSE_STREAM" help:"Name of the Firehose stream, for the sink firehose."`
	File           string `env:"CLEARHOP_FILE" help:"Path of the file that events are appended to, for the sink file."`
}

// Check returns everything that is wrong with s.
func (s Settings) Check() error {
	var errs []error
	switch s.Sink {
	case "firehose":
		if s.FirehoseStream == "" {
			errs = append(errs, errors.New("CLEARHOP_FIREHOSE_STREAM: the sink firehose needs it"))
		}
	case "file":
		if s.File == "" {
			errs = append(errs, errors.New("CLEARHOP_FILE: the sink file needs it"))
		}
	case "stdout":
	default:
		errs = append(errs, fmt.Errorf("CLEARHOP_SINK: there is no sink %q; known: firehose, file, stdout", s.Sink))
	}
	if s.Sink != "firehose" && s.FirehoseStream != "" {
		errs = append(errs, fmt.Errorf("CLEARHOP_FIREHOSE_STREAM: is given, but the sink is %s", s.Sink))
	}
	if s.Sink != "file" && s.File != "" {
		errs = append(errs, fmt.Errorf("CLEARHOP_FILE: is given, but the sink is %s", cmp.Or(s.Sink, "none")))
	}
	return errors.Join(errs...)
}

// Open opens the sink that s names. The settings must have passed Check.
func (s Settings) Open(ctx context.Context, stdout io.Writer) (sink.Sink, error) {
	switch s.Sink {
	case "file":
		return file.Append(s.File)
	case "stdout":
		return file.New(stdout), nil
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	return firehose.New(firehose.Config{Client: awsfirehose.NewFromConfig(aws), Stream: s.FirehoseStream})
}
