package chaos

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"clearhop/decode"
	"clearhop/internal/awstest"
	"clearhop/internal/sqstest"
	"clearhop/sink/deadletter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// unreadable makes a payload that no decoder reads. One of a subscription is the event of
// its function. On the other roads what is neither packed nor a payload is text, which is
// read line by line; so there it is packed.
func (s *schedule) unreadable(subscription bool) []byte {
	s.number++
	good := packed(fmt.Appendf(nil, `{"messageType":"DATA_MESSAGE","logGroup":"broken %d-%d","logEvents":[]}`, s.seed, s.number))
	kinds := []string{"truncated gzip", "wrong checksum"}
	if subscription {
		kinds = append(kinds, "broken base64", "another kind of JSON")
	}
	kind := kinds[s.rand.IntN(len(kinds))]
	s.tally.Faults[kind]++
	data := good
	switch kind {
	case "truncated gzip":
		data = good[:len(good)-9-s.rand.IntN(20)]
	case "wrong checksum":
		data = bytes.Clone(good)
		data[len(data)-5] ^= 0x55
	case "another kind of JSON":
		return fmt.Appendf(nil, `{"detail-type":"Scheduled Event","id":"%d-%d"}`, s.seed, s.number)
	case "broken base64":
		return fmt.Appendf(nil, `{"awslogs":{"data":"%s*%d-%d"}}`, base64.StdEncoding.EncodeToString(good)[:20], s.seed, s.number)
	}
	if !subscription {
		return data
	}
	return fmt.Appendf(nil, `{"awslogs":{"data":%q}}`, base64.StdEncoding.EncodeToString(data))
}

// destination is Lambda's own destination for what was given up: the bucket, or in some
// schedules a queue. If it refuses, Lambda counts DestinationDeliveryFailures and has
// nothing left: this is where the promise of docs/aws.md ends, and its alarm FailedLost
// fires.
func (s *schedule) destination(key string, ids []string, broken [][]byte, body []byte) error {
	config := aws.Config{Region: awstest.Region, Credentials: awstest.Credentials(), BaseEndpoint: aws.String("http://aws.test"), HTTPClient: awstest.Direct{Handler: http.Handler(s)}}
	s.world.process = nil // this is Lambda itself, which has no deadline
	var err error
	kind := "bucket"
	if s.toQueue {
		kind = "queue"
	}
	switch {
	case s.forbidden:
		err = errEnded
	case s.toQueue && len(body) > sqstest.MaxBytes:
		err = errEnded // AWS names the size as a cause
	case s.toQueue:
		var out *sqs.SendMessageBatchOutput
		out, err = sqs.NewFromConfig(config).SendMessageBatch(context.Background(), &sqs.SendMessageBatchInput{
			QueueUrl: aws.String(queueURL), Entries: []types.SendMessageBatchRequestEntry{{Id: aws.String("0"), MessageBody: aws.String(string(body))}},
		})
		if err == nil && len(out.Failed) > 0 {
			err = errEnded
		}
	default:
		_, err = s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: aws.String(letters), Key: &key, Body: bytes.NewReader(body),
		})
	}
	if err == nil {
		return nil
	}
	s.tally.Faults[kind+" for what is given up refuses"]++
	s.metric["DestinationDeliveryFailures"]++
	for _, id := range ids {
		s.excused[id] = true
	}
	s.lost = append(s.lost, broken...)
	return nil
}

// checkBroken reports what could not be read and is not kept whole anywhere.
func (s *schedule) checkBroken() error {
	if len(s.broken) == 0 {
		return nil
	}
	kept, err := s.kept()
	if err != nil {
		return err
	}
	for _, want := range s.broken {
		has := func(data []byte) bool { return bytes.Contains(data, want) }
		if contains(kept, has) {
			s.tally.Faults["payload unreadable after a redrive"]++
		} else if !contains(s.lost, has) {
			return fmt.Errorf("%w: a payload that cannot be read is kept nowhere: %.200q", errLost, want)
		}
	}
	return nil
}

func contains(all [][]byte, is func([]byte) bool) bool {
	for _, data := range all {
		if is(data) {
			return true
		}
	}
	return false
}

// kept returns the payloads that stay after the redrive: in letters, and in what Lambda and
// Firehose gave up.
func (s *schedule) kept() (all [][]byte, err error) {
	var texts [][]byte
	for _, place := range []struct{ bucket, prefix string }{{letters, ""}, {bucket, "errors/"}} {
		for _, key := range s.s3.Keys(place.bucket, place.prefix) {
			if !strings.Contains(key, "/redriven/") { // what was sent
				texts = append(texts, s.s3.Object(place.bucket, key))
			}
		}
	}
	texts = append(texts, s.queue.Messages()...)
	var reader deadletter.Reader
	for _, text := range texts {
		text, err := unpacked(text)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			if letter, err := reader.Read(line); err == nil {
				if letter != nil {
					all = append(all, letter.Data)
				}
				continue
			}
			failed, err := decode.OpenFailed(line)
			if errors.Is(err, decode.ErrNotFailed) {
				return nil, fmt.Errorf("what is kept is neither a letter nor given up: %w: %.200q", err, line)
			}
			all = append(append(all, line), failed.Records...)
		}
	}
	return all, nil
}
