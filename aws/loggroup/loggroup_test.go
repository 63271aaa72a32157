package loggroup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"clearhop/aws/account"
	"clearhop/internal/logstest"
	"clearhop/record"
)

var begin = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

// web is a log group of n lines in two streams, perSecond of them in a second.
func web(n, perSecond int) logstest.Group {
	return logstest.Group{Name: "/ecs/web", Events: n, At: func(i int) logstest.Event {
		return logstest.Event{
			Stream: fmt.Sprintf("web/nginx/%d", i%2), Message: fmt.Sprintf("line %d\n", i),
			Time: begin.UnixMilli() + int64(i)*1000/int64(perSecond),
		}
	}}
}

// connect makes a client of a stand-in.
func connect(t *testing.T, c logstest.Config) (*Logs, *logstest.Server) {
	t.Helper()
	server := logstest.Start(t, c)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
	} {
		t.Setenv(name, value)
	}
	logs, err := Connect(t.Context(), Options{fast: c.PerSecond == 0})
	if err != nil {
		t.Fatal(err)
	}
	return logs, server
}

// readAll reads a query, and checks that each page has what belongs to its window.
func readAll(t *testing.T, l *Logs, q Query) (texts []string, lines []record.Line) {
	t.Helper()
	r := l.Read(q)
	for {
		page, err := r.Next(t.Context())
		if err == io.EOF {
			return texts, lines
		}
		if err != nil {
			t.Fatal(err)
		}
		w := r.Window()
		for _, line := range page {
			if at := time.UnixMilli(line.Time); at.Before(w.Since) || !at.Before(w.Until) {
				t.Fatalf("a line of %v is in the window from %v until %v", at, w.Since, w.Until)
			}
			texts = append(texts, string(line.Text))
			lines = append(lines, line)
		}
	}
}

// TestReadsEachLineOnce: pages that are full, that are empty, and windows of any width.
func TestReadsEachLineOnce(t *testing.T) {
	const n = 25_000
	for _, width := range []time.Duration{0, time.Second, 7 * time.Second, 24 * time.Hour} {
		for _, empty := range []bool{false, true} {
			logs, _ := connect(t, logstest.Config{Groups: []logstest.Group{web(n, 1000)}, EmptyPages: empty})
			texts, lines := readAll(t, logs, Query{Group: Group{Name: "/ecs/web", Account: "123456789012"}, Since: begin, Until: begin.Add(time.Minute), Width: width})
			if len(texts) != n {
				t.Fatalf("width %v, empty pages %t: %d lines", width, empty, len(texts))
			}
			for i, text := range texts {
				if text != fmt.Sprintf("line %d", i) || string(lines[i].ID) != fmt.Sprintf("%056d", i) {
					t.Fatalf("width %v: line %d is %q with the id %s", width, i, text, lines[i].ID)
				}
			}
			first, third := lines[0], lines[2]
			want := record.Origin{Source: "/ecs/web:web/nginx/0", AccountID: "123456789012", LogGroup: "/ecs/web", LogStream: "web/nginx/0", InOrder: true}
			if *first.Origin != want || first.Origin != third.Origin || first.Offset != 0 || third.Offset != 1 || !first.HasTime {
				t.Errorf("line 0 is %+v of %+v, line 2 %+v", first, *first.Origin, third)
			}
		}
	}
}

// TestBounds: the end is not included, and a prefix of streams holds.
func TestBounds(t *testing.T) {
	logs, _ := connect(t, logstest.Config{Groups: []logstest.Group{web(10, 1)}})
	texts, _ := readAll(t, logs, Query{Group: Group{Name: "/ecs/web"}, Since: begin.Add(2 * time.Second), Until: begin.Add(5 * time.Second)})
	if got := strings.Join(texts, ","); got != "line 2,line 3,line 4" {
		t.Errorf("got %s", got)
	}
	texts, _ = readAll(t, logs, Query{Group: Group{Name: "/ecs/web"}, StreamPrefix: "web/nginx/1", Since: begin, Until: begin.Add(5 * time.Second)})
	if got := strings.Join(texts, ","); got != "line 1,line 3" {
		t.Errorf("got %s", got)
	}
}

// TestWindows: a window is wide where little happens, and narrow where much does.
func TestWindows(t *testing.T) {
	for _, test := range []struct {
		width  time.Duration
		events int
		want   time.Duration
	}{
		{time.Hour, 0, 4 * time.Hour},
		{12 * time.Hour, 0, 24 * time.Hour},
		{time.Hour, 50_000, time.Hour},
		{time.Hour, 100_000, 30 * time.Minute},
		{time.Hour, 10_000_000, 15 * time.Minute},
		{2 * time.Second, 10_000_000, time.Second},
	} {
		if got := widthAfter(test.width, test.events); got != test.want {
			t.Errorf("%v with %d events: the next one is %v, want %v", test.width, test.events, got, test.want)
		}
	}
}

// TestThrottled: calls that are throttled or that fail are made again, and fewer a second.
func TestThrottled(t *testing.T) {
	logs, server := connect(t, logstest.Config{Groups: []logstest.Group{web(6000, 1)}, PerSecond: 3, Broken: func(call int) int {
		if call == 4 {
			return http.StatusInternalServerError
		}
		return 0
	}})
	texts, _ := readAll(t, logs, Query{Group: Group{Name: "/ecs/web"}, Since: begin, Until: begin.Add(2 * time.Hour), Width: 5 * time.Minute})
	all, throttled := server.Calls()
	if len(texts) != 6000 || throttled == 0 && all > 6 {
		t.Errorf("%d lines by %d calls, of which %d were throttled", len(texts), all, throttled)
	}
}

// TestErrors: what a person reads.
func TestErrors(t *testing.T) {
	groups := []logstest.Group{web(3, 1), {Name: "/ecs/api"}, {Name: "/ecs/web-old"}, {Name: "other"}}
	logs, _ := connect(t, logstest.Config{Groups: groups, Deny: []string{"FilterLogEvents"}})
	f := func(name string, prefix bool, want string) {
		t.Helper()
		if _, err := logs.Find(t.Context(), name, prefix); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	f("/ecs/webb", false, `there is no log group "/ecs/webb" in eu-central-1; there are: /ecs/api, /ecs/web, /ecs/web-old`)
	f("/ecs/w", false, `there is no log group "/ecs/w" in eu-central-1; there are: /ecs/web, /ecs/web-old`)
	f("x", true, `no log group in eu-central-1 has a name that begins with "x"; there are: /ecs/api, /ecs/web, /ecs/web-old, other`)
	found, err := logs.Find(t.Context(), "/ecs/web", false)
	if err != nil || len(found) != 1 || found[0].Account != "123456789012" {
		t.Errorf("found %v, %v", found, err)
	}
	_, err = logs.Read(Query{Group: found[0], Since: begin, Until: begin.Add(time.Hour)}).Next(t.Context())
	var forbidden *ForbiddenError
	const says = "these credentials lack the permission logs:FilterLogEvents for the log group /ecs/web"
	if !errors.As(err, &forbidden) || err.Error() != says {
		t.Errorf("got %v", err)
	}
	if last := logs.LastEvent(t.Context(), "/ecs/web"); !last.Equal(begin.Add(2 * time.Second)) {
		t.Errorf("the last event is at %v", last)
	}
	t.Setenv("AWS_REGION", "")
	if _, err := Connect(context.Background(), Options{}); !errors.Is(err, account.ErrNoRegion) {
		t.Errorf("without a region: %v", err)
	}
}
