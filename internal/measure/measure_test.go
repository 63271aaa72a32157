//go:build unix

package measure

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sh(script string) *Program { return &Program{Name: "sh", Args: []string{"sh", "-c", script}} }

func TestRun(t *testing.T) {
	floor, err := Floor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := sh("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo thrown away")
	cost, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cost.CPU <= 0 || cost.Elapsed <= 0 || cost.Peak < 1<<19 || floor < 1<<19 {
		t.Errorf("%+v, with a floor of %d", cost, floor)
	}
}

// TestRunFails: the error says how the program failed, with the end of what it wrote.
func TestRunFails(t *testing.T) {
	_, err := sh("seq 1000 >&2; printf 'the\\nreason' >&2; exit 3").Run(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "exit status 3: ") || !strings.HasSuffix(err.Error(), " 1000 the reason") || len(err.Error()) > 600 {
		t.Errorf("%v", err)
	}
	accepted := sh("exit 3")
	accepted.Accept = []int{1, 3}
	if _, err := accepted.Run(t.Context()); err != nil {
		t.Errorf("an accepted exit code: %v", err)
	}
	if _, err := (&Program{Args: []string{"/no/such/program"}}).Run(t.Context()); err == nil {
		t.Error("a program that is not there was run")
	}
}

// TestInput: a program reads what another one writes. That one may be left with too much to
// write only if the program fails too.
func TestInput(t *testing.T) {
	p := sh(`[ "$(wc -l)" -eq 5000 ]`)
	p.Input = []string{"seq", "5000"}
	if _, err := p.Run(t.Context()); err != nil {
		t.Error(err)
	}
	p = sh("exit 4")
	p.Input = []string{"seq", "5000000"}
	if _, err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("%v", err)
	}
}

// TestDone: a program that would go on is interrupted when its work is done.
func TestDone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "done")
	p := sh("trap 'exit 0' INT; echo x >" + file + "; while :; do sleep 0.01; done")
	p.Done = func(ctx context.Context) error {
		for ctx.Err() == nil {
			if _, err := os.Stat(file); err == nil {
				return nil
			}
			time.Sleep(time.Millisecond)
		}
		return ctx.Err()
	}
	cleared := 0
	p.After = func() { cleared++ }
	if _, err := p.Run(t.Context()); err != nil || cleared != 1 {
		t.Errorf("%v, cleared %d times", err, cleared)
	}
}

// TestRounds: a program that fails says why, and the others go on; each round begins with
// another program.
func TestRounds(t *testing.T) {
	good, bad, missing := sh("exit 0"), sh("echo broken >&2; exit 1"), &Program{Name: "missing", Missing: "not here"}
	var order []string
	good.Name, bad.Name = "good", "bad"
	second := sh("exit 0")
	second.Name = "second"
	err := Rounds(t.Context(), []*Program{good, bad, missing, second}, 3, func(_ int, p *Program) { order = append(order, p.Name) })
	if err != nil {
		t.Fatal(err)
	}
	if len(good.Costs) != 3 || len(second.Costs) != 3 || len(bad.Costs) != 0 || bad.Missing != "exit status 1: broken" || missing.Missing != "not here" {
		t.Errorf("%+v\n%+v", good, bad)
	}
	if got, want := strings.Join(order, " "), "good bad second second good second good"; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Rounds(ended, []*Program{good}, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestRatioOf(t *testing.T) {
	costs := func(seconds ...float64) (all []Cost) {
		for _, s := range seconds {
			all = append(all, Cost{CPU: Seconds(s)})
		}
		return all
	}
	for _, c := range []struct {
		a, b []Cost
		want Spread
	}{
		{costs(2, 9, 4), costs(1, 3, 1), Spread{3, 2, 4, 3}},
		{costs(2, 4), costs(1, 1), Spread{3, 2, 4, 2}},
		{costs(2, 4), costs(1), Spread{2, 2, 2, 1}},
		{costs(2, 4), costs(0, 1), Spread{4, 4, 4, 1}},
		{nil, costs(1), Spread{}},
	} {
		if got := RatioOf(c.a, c.b, CPU); got != c.want {
			t.Errorf("%v : %v = %+v, want %+v", c.a, c.b, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12_345_678: "12,345,678", -1200: "-1,200"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d is written as %s", n, got)
		}
	}
}
