package delivery_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	outlets "clearhop/delivery"
	"clearhop/functions/delivery"
	"clearhop/privacy"
	"clearhop/sink"
	"clearhop/sink/retry"
)

// TestTimeWithinAPayload: the invocation ends in time within a payload too. Each line is
// delivered, in a dead letter, or in a payload that fails.
func TestTimeWithinAPayload(t *testing.T) {
	const lines = 12_000
	large := payload(t, lines, 1) // more than is gathered before a put
	small := payload(t, 1, 1)
	for name, c := range map[string]struct {
		resends, private, later bool
		letter                  bool // the payload becomes a dead letter
		fails                   int  // the first payload that fails; -1 if none does
	}{
		"subscription":                   {letter: true, fails: -1},
		"subscription, something hidden": {private: true, fails: 0},
		"stream, the first payload":      {resends: true, letter: true, fails: -1},
		"stream, a later payload":        {resends: true, later: true, fails: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// What is lost here must not become a dead letter, so that the sink must have time
			// at the end: more than letters leave for the answer.
			// A busy machine with the race detector must still come to the first put.
			timeout, left := 8*time.Second, 1500*time.Millisecond
			if c.resends && c.letter {
				timeout, left = 24*time.Second, 5500*time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			// The first put takes nearly all of the time.
			s := &memory{fail: func(put int, _ []sink.Document) error {
				if deadline, _ := ctx.Deadline(); put == 1 {
					time.Sleep(time.Until(deadline) - left)
				}
				return nil
			}}
			letters := &memory{}
			f, log := openConfig(t, func(log io.Writer) delivery.Config {
				config := config(log)
				config.Resends = c.resends
				if c.private {
					config.Pipeline.Privacy = privacy.Settings{Mode: "truncate"}
				}
				return config
			}, outlets.Sinks{Events: s, Letters: letters})
			in := f.Begin(ctx)
			if c.later {
				in.Take(small)
			}
			in.Take(large)
			first, err := in.End()
			if ctx.Err() != nil {
				t.Error("the invocation did not end in time")
			}
			if first != c.fails || (err != nil) != (c.fails >= 0) || err != nil && !errors.Is(err, retry.ErrOutOfTime) {
				t.Errorf("first failed %d, %v", first, err)
			}
			kept := slices.ContainsFunc(letters.docs, func(doc []byte) bool { return strings.Contains(string(doc), `"kind":"payload"`) })
			if kept != c.letter {
				t.Errorf("the payload is kept: %t\n%s", kept, log)
			}
			if n := len(s.docs); n == 0 || n >= lines {
				t.Errorf("%d events were delivered: nothing was tested", n)
			}
		})
	}
}
