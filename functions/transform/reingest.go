package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"clearhop/sink"
	"clearhop/sink/firehose"
	"clearhop/sink/kinesis"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/config"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	awskinesis "github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// A reingester puts pieces into the Firehose stream that invoked the
// function, or into the Kinesis stream that this one reads from: Firehose takes
// no puts then. The clients are made when a record first asks for them.
type reingester struct {
	mu    sync.Mutex
	sinks map[string]sink.Sink // by ARN
}

// send yields what became of each piece, nil if the stream took it.
func (r *reingester) send(ctx context.Context, event *events.KinesisFirehoseEvent, pieces []piece) iter.Seq2[int, error] {
	failed := map[int]error{}
	s, err := r.sinkOf(ctx, event)
	if err == nil {
		docs := make([]sink.Document, len(pieces))
		for i, p := range pieces {
			docs[i] = sink.Document{Data: p.data}
		}
		err = s.Put(ctx, docs)
	}
	var put *sink.PutError
	if errors.As(err, &put) {
		for _, f := range put.Failures {
			failed[f.Index] = f.Err
		}
		err = nil
	}
	return func(yield func(int, error) bool) {
		for i := range pieces {
			why := err
			if why == nil {
				why = failed[i]
			}
			if why != nil {
				why = fmt.Errorf("send back: %w", why)
			}
			if !yield(i, why) {
				return
			}
		}
	}
}

func (r *reingester) sinkOf(ctx context.Context, event *events.KinesisFirehoseEvent) (sink.Sink, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	arn := event.SourceKinesisStreamArn
	if arn == "" {
		arn = event.DeliveryStreamArn
	}
	if s := r.sinks[arn]; s != nil {
		return s, nil
	}
	aws, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	var s sink.Sink
	if event.SourceKinesisStreamArn != "" {
		s, err = kinesis.New(kinesis.Config{Client: awskinesis.NewFromConfig(aws), Stream: arn, Single: true})
	} else {
		_, name, _ := strings.Cut(arn, "/") // arn:…:deliverystream/NAME
		s, err = firehose.New(firehose.Config{Client: awsfirehose.NewFromConfig(aws), Stream: name, Single: true})
	}
	if err != nil {
		return nil, err
	}
	if r.sinks == nil {
		r.sinks = map[string]sink.Sink{}
	}
	r.sinks[arn] = s
	return s, nil
}
