package sqs_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"clearhop/internal/awstest"
	"clearhop/internal/deadlettertest"
	"clearhop/internal/sqstest"
	"clearhop/sink/deadletter"
	"clearhop/sink/retry"
	"clearhop/sink/sqs"
)

// TestDeadLetters: long letters are split, and their parts arrive in any
// order while messages fail, whatever the queue's own limit is.
func TestDeadLetters(t *testing.T) {
	for _, limit := range []int{sqstest.MaxBytes, sqs.UsualMessageBytes, 10_000} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) { deadLetters(t, limit) })
	}
}

func deadLetters(t *testing.T, limit int) {
	server := sqstest.StartWithLimit(t, limit, awstest.Config{Targets: []string{"dead"}, Random: awstest.Random{Records: 0.3, Calls: 0.3, Written: 0.2}})
	client, url := sqstest.NewClient(server.URL), sqstest.QueueURL(server, "dead")
	s, err := sqs.New(sqs.Config{
		Client: client, QueueURL: url, MaxMessageBytes: sqs.MessageBytes(t.Context(), client, url),
		Retry: retry.Policy{MaxAttempts: 100, Sleep: func(context.Context, time.Duration) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	deadlettertest.Put(t, s)
	if s.TakeStats().Truncated != 0 {
		t.Error("a letter was shortened")
	}
	messages := server.Records("dead")
	rand.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	var r deadletter.Reader
	var got []*deadletter.Letter
	seen := map[string]bool{}
	for _, m := range messages {
		for _, l := range deadlettertest.Read(t, &r, bytes.NewReader(m.Data)) {
			if !seen[l.Reason] { // at least once
				got = append(got, l)
			}
			seen[l.Reason] = true
		}
	}
	deadlettertest.Check(t, got, deadlettertest.Letters())
}

// TestQueueThatCannotBeAsked: then what every queue takes is assumed.
func TestQueueThatCannotBeAsked(t *testing.T) {
	server := sqstest.StartWithLimit(t, 10_000, awstest.Config{Targets: []string{"dead"}})
	url := sqstest.QueueURL(server, "dead")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n := sqs.MessageBytes(ended, sqstest.NewClient(server.URL), url); n != sqs.UsualMessageBytes {
		t.Errorf("%d bytes are assumed", n)
	}
	if n := sqs.MessageBytes(t.Context(), sqstest.NewClient(server.URL), url); n != 10_000 {
		t.Errorf("%d bytes, the queue says 10000", n)
	}
}
