package lambdatest

import (
	"strings"
	"testing"
)

// What looks like a mark, or ends like the beginning of one, is output too.
func TestLogPipePassesOnAllButItsMark(t *testing.T) {
	to := &logBuffer{}
	p, err := newLogPipe(to)
	if err != nil {
		t.Fatal(err)
	}
	mark := string(p.mark)
	var want strings.Builder
	for _, text := range []string{"a", "\x00", mark[:5], mark[:len(mark)-1], "\x00\x00", strings.Repeat("\x00b", 1000), "end\n"} {
		if _, err := p.w.WriteString(text); err != nil {
			t.Fatal(err)
		}
		want.WriteString(text)
		p.sync()
		if got := to.since(0); got != want.String() {
			t.Fatalf("after %q: %q, want %q", text, got, want.String())
		}
	}
	if _, err := p.w.WriteString(mark[:7]); err != nil {
		t.Fatal(err)
	}
	p.close()
	p.sync() // after the end it returns
	if got := to.since(0); got != want.String()+mark[:7] {
		t.Errorf("at the end: %q", got[want.Len():])
	}
}
