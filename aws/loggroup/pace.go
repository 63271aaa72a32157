package loggroup

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"golang.org/x/time/rate"
)

// The rate of calls. The quota of FilterLogEvents is 25 calls a second in us-east-1, 5 in
// eu-central-1 and four other regions, and 10 in all others.
const (
	firstRate = 5.0
	maxRate   = 25.0
	minRate   = 0.5
	// quiet is how many calls have to pass until one more a second is made.
	quiet = 20
)

// attempts is how often a call is made that is throttled, that fails inside AWS, or that
// gets no answer. With the pauses that is about four minutes.
const attempts = 12

// The pauses between attempts.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
)

// callTime bounds one attempt. A page of 1 MB takes about a second.
const callTime = time.Minute

// A pace is how often calls of one kind are made. It adapts itself: everybody in the
// account and the region shares one quota.
type pace struct {
	limiter   *rate.Limiter
	throttled func(perSecond float64)

	mu     sync.Mutex
	passed int // calls since the last change
}

func newPace(o Options) *pace {
	p := &pace{limiter: rate.NewLimiter(firstRate, 1), throttled: o.Throttled}
	if o.Throttled == nil {
		p.throttled = func(float64) {}
	}
	if o.fast {
		p.limiter.SetLimit(rate.Inf)
	}
	return p
}

// passedOne counts a call that was not throttled, and makes more of them a second after
// some.
func (p *pace) passedOne() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passed++; p.passed >= quiet && p.limiter.Limit() < maxRate {
		p.passed = 0
		p.limiter.SetLimit(min(maxRate, p.limiter.Limit()+1))
	}
}

// slow makes fewer calls a second.
func (p *pace) slow() {
	p.mu.Lock()
	p.passed = 0
	now := max(minRate, p.limiter.Limit()*2/3)
	p.limiter.SetLimit(now)
	p.mu.Unlock()
	p.throttled(float64(now))
}

// paced limits the rate of a call, and makes it again where that may help.
func paced[In, Out any](call Call[In, Out], o Options) Call[In, Out] {
	p := newPace(o)
	return func(ctx context.Context, in *In, options ...func(*cloudwatchlogs.Options)) (*Out, error) {
		for n := 1; ; n++ {
			if err := p.limiter.Wait(ctx); err != nil {
				return nil, err
			}
			timed, cancel := context.WithTimeout(ctx, callTime)
			out, err := call(timed, in, options...)
			cancel()
			switch {
			case err == nil:
				p.passedOne()
				return out, nil
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case isThrottled(err):
				p.slow()
			case !mayPass(err):
				return nil, err
			}
			if n == attempts {
				return nil, err
			}
			pause(ctx, n)
		}
	}
}

// pause waits before attempt n+1: a random part of a time that doubles.
func pause(ctx context.Context, n int) {
	bound := min(maxPause, firstPause<<min(n-1, 10))
	timer := time.NewTimer(bound/2 + rand.N(bound/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// isThrottled reports whether AWS refused a call because there were too many.
func isThrottled(err error) bool {
	for _, check := range awsretry.DefaultThrottles {
		if check.IsErrorThrottle(err).Bool() {
			return true
		}
	}
	return statusOf(err) == http.StatusTooManyRequests
}

// mayPass reports whether a call that failed may pass when it is made again. One that
// took too long or got no answer may.
func mayPass(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || statusOf(err) >= http.StatusInternalServerError {
		return true
	}
	for _, check := range awsretry.DefaultRetryables {
		if check.IsErrorRetryable(err).Bool() {
			return true
		}
	}
	return false
}

// statusOf returns the HTTP status of an answer; 0 if there was none.
func statusOf(err error) int {
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}
