package firehose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// deliver sends b's records, and those that fail again, until none is pending
// or there is a reason to give up, which each pending record then carries. It
// returns the error that the rest of the Put would meet as well, if there is one.
func (s *Sink) deliver(ctx context.Context, b *batch) error {
	for attempt := 0; len(b.pending) > 0; attempt++ {
		if attempt > 0 {
			s.config.Sleep(ctx, s.config.Jitter(s.bound(ctx, attempt)))
		}
		if ctx.Err() != nil {
			return s.giveUp(b, outOfTime(ctx), attempt)
		}
		err := s.send(ctx, b, attempt > 0)
		switch {
		case len(b.pending) == 0:
			return nil
		case ctx.Err() != nil:
			return s.giveUp(b, outOfTime(ctx), attempt+1)
		case final(err):
			stop := s.giveUp(b, nil, attempt+1)
			if aboutCall(err) {
				return nil
			}
			return stop
		case attempt+1 == s.config.MaxAttempts:
			stop := s.giveUp(b, ErrAttempts, attempt+1)
			if err == nil {
				// The stream is slow rather than down: some of it may pass.
				return nil
			}
			return stop
		}
	}
	return nil
}

// bound is the longest pause before an attempt, counted from 0. Half of the time
// left at most: the attempt has to fit as well, and an unlucky draw must not
// throw away time in which it might succeed.
func (s *Sink) bound(ctx context.Context, attempt int) time.Duration {
	bound := s.config.BaseDelay
	for i := 1; i < attempt && bound < s.config.MaxDelay; i++ {
		bound *= 2
	}
	bound = min(bound, s.config.MaxDelay)
	if deadline, ok := ctx.Deadline(); ok {
		bound = min(bound, max(0, time.Until(deadline)/2))
	}
	return bound
}

// giveUp gives each pending record the error its documents fail with, and
// returns that of the first. reason is nil if the last answer says it all.
func (s *Sink) giveUp(b *batch, reason error, attempts int) error {
	for _, i := range b.pending {
		r := &b.records[i]
		switch {
		case r.err == nil:
			r.err = fmt.Errorf("firehose stream %s: %w after %d attempts", s.config.Stream, reason, attempts)
		case reason == nil:
			r.err = fmt.Errorf("firehose stream %s: %w", s.config.Stream, r.err)
		default:
			r.err = fmt.Errorf("firehose stream %s: %w after %d attempts: %w", s.config.Stream, reason, attempts, r.err)
		}
	}
	return b.records[b.pending[0]].err
}

// send makes one attempt at the pending records and leaves those pending that
// the service did not confirm. The error is the whole call's.
func (s *Sink) send(ctx context.Context, b *batch, again bool) error {
	seen := Stats{Calls: 1}
	if again {
		seen.Retries = 1
	}
	b.entries = b.entries[:0]
	for _, i := range b.pending {
		b.entries = append(b.entries, types.Record{Data: b.records[i].data})
		seen.BytesSent += int64(b.records[i].size)
	}

	attempt, cancel := context.WithTimeout(ctx, s.config.AttemptTimeout)
	out, err := s.config.Client.PutRecordBatch(attempt, &awsfirehose.PutRecordBatchInput{
		DeliveryStreamName: &s.config.Stream,
		Records:            b.entries,
	}, noRetries)
	cancel()

	if err != nil {
		b.fail(ctx, err)
		if throttled(err) {
			seen.Throttles = 1
		}
	} else {
		b.settle(out, &seen)
	}
	s.count(seen)
	return err
}

// noRetries leaves retrying to the Sink, whatever the client was made with.
func noRetries(o *awsfirehose.Options) { o.Retryer = aws.NopRetryer{} }

// fail gives all pending records the error of their call. The end of the Put's
// own time is no news: it does not replace what the service said before.
func (b *batch) fail(ctx context.Context, err error) {
	for _, i := range b.pending {
		r := &b.records[i]
		if r.err == nil || ctx.Err() == nil {
			r.err = err
		}
	}
}

// settle takes the confirmed records off those pending. Confirmed means that
// the answer has an entry for each record sent, the record's entry has an id and
// no error, and the answer as a whole does not claim more failures than it
// shows: otherwise nothing tells which ones, and none counts.
func (b *batch) settle(out *awsfirehose.PutRecordBatchOutput, seen *Stats) {
	if out == nil {
		out = &awsfirehose.PutRecordBatchOutput{}
	}
	open := 0
	for i := range out.RequestResponses {
		if entryError(&out.RequestResponses[i]) != nil {
			open++
		}
	}
	consistent := len(out.RequestResponses) == len(b.pending) && int(aws.ToInt32(out.FailedPutCount)) <= open

	left := b.pending[:0]
	for n, i := range b.pending {
		r := &b.records[i]
		r.err = ErrUnconfirmed
		if consistent {
			r.err = entryError(&out.RequestResponses[n])
		}
		if r.err != nil {
			var failed *RecordError
			if errors.As(r.err, &failed) && failed.Code == codeUnavailable {
				seen.Throttles = 1
			}
			left = append(left, i)
			continue
		}
		seen.Documents += int64(r.documents)
		seen.Records++
		seen.Bytes += int64(r.size)
		seen.BytesBilled += int64(billed(r.size))
	}
	b.pending = left
}

// entryError is why an entry does not confirm its record, and nil if it does.
func entryError(e *types.PutRecordBatchResponseEntry) error {
	if code := aws.ToString(e.ErrorCode); code != "" {
		return &RecordError{Code: code}
	}
	if aws.ToString(e.RecordId) == "" {
		return ErrUnconfirmed
	}
	return nil
}
