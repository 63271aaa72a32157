package sqs_test

import (
	"bytes"
	"context"
	"math/rand/v2"
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
// order while messages fail.
func TestDeadLetters(t *testing.T) {
	server := sqstest.Start(t, awstest.Config{Targets: []string{"dead"}, Random: awstest.Random{Records: 0.3, Calls: 0.3, Written: 0.2}})
	s, err := sqs.New(sqs.Config{
		Client: sqstest.NewClient(server.URL), QueueURL: sqstest.QueueURL(server, "dead"),
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
