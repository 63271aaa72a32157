package sqs_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"clearhop/sink/deadletter"
	"clearhop/sink/deadletter/deadlettertest"
	"clearhop/sink/retry"
	"clearhop/sink/sqs"
	"clearhop/sink/sqs/sqstest"
)

// TestDeadLetters: long letters are split, and their parts arrive in any
// order while messages fail.
func TestDeadLetters(t *testing.T) {
	server := sqstest.Start(t, sqstest.Config{Targets: []string{"dead"}, Random: sqstest.Random{Records: 0.3, Calls: 0.3, Written: 0.2}})
	s, err := sqs.New(sqs.Config{
		Client: sqstest.NewClient(server.URL), QueueURL: server.QueueURL("dead"),
		Retry: retry.Policy{MaxAttempts: 100, Sleep: func(context.Context, time.Duration) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	deadlettertest.Put(t, s)
	if s.Stats().Truncated != 0 {
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
