package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"clearhop/internal/chaintest"
	"clearhop/internal/golden"
	"clearhop/internal/picture"
)

// TestPicture holds the README's picture: the doctor's report on the recorded logs of
// a chain whose web nginx ignores the client. make picture draws it again.
func TestPicture(t *testing.T) {
	page, err := filepath.Abs(filepath.Join("..", "..", "docs", "doctor.svg"))
	if err != nil {
		t.Fatal(err)
	}
	scenario := filepath.Join(chaintest.Dir(t), "web-no-realip")
	t.Chdir(t.TempDir())
	for name, recorded := range map[string]string{"edge.log": "edge.clearhop.log", "web.log": "web.clearhop.log"} {
		text, err := os.ReadFile(filepath.Join(scenario, recorded))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"doctor", "--color", "always", "edge.log", "web.log"}, nil, &out, &errOut); code != exitFindings {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	golden.Check(t, page, picture.Draw(picture.Terminal{
		Title: "clearhop doctor",
		Description: "A terminal. The command clearhop doctor edge.log web.log reads the logs of two nginx servers, finds that the web nginx " +
			"logs the edge's address instead of the client's, and prints the lines of nginx.conf that fix it.",
		Columns: 100,
	}, "\x1b[32m$\x1b[0m \x1b[1mclearhop doctor edge.log web.log\x1b[0m\n\n"+out.String()))
}
