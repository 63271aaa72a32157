package setting_test

import (
	"errors"
	"fmt"
	"testing"

	"clearhop/internal/setting"

	"github.com/google/go-cmp/cmp"
)

type inner struct {
	Trusted []string `name:"trusted" env:"CLEARHOP_TRUSTED"`
}

type settings struct {
	Format string `name:"format" env:"CLEARHOP_FORMAT,notEmpty" default:"auto"`
	Chain  inner  `embed:""`
	inner
	Sink string           `env:"CLEARHOP_SINK" help:"Where events go."`
	Flag bool             `name:"flag"`
	Now  func() time      `kong:"-" env:"-"`
	More map[string]inner // neither a setting nor a struct of settings
}

type time struct{}

func TestList(t *testing.T) {
	trusted := setting.Setting{Field: "Trusted", Name: "trusted", Variable: "CLEARHOP_TRUSTED"}
	want := []setting.Setting{
		{Field: "Format", Name: "format", Variable: "CLEARHOP_FORMAT", Default: "auto"},
		trusted, trusted,
		{Field: "Sink", Variable: "CLEARHOP_SINK", Help: "Where events go."},
		{Field: "Flag", Name: "flag"},
	}
	if diff := cmp.Diff(want, setting.List(&settings{})); diff != "" {
		t.Error(diff)
	}
}

func TestError(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	f := func(err error, want string) {
		t.Helper()
		if got := fmt.Sprint(setting.Error("nlb", err)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(nil, "<nil>")
	f(a, "nlb: a")
	f(errors.Join(a, errors.Join(b)), "nlb: a\nnlb: b")
	if err := setting.Error("nlb", errors.Join(a, b)); !errors.Is(err, b) {
		t.Errorf("%v does not wrap its cause", err)
	}
}

func TestErrorIsOfAValue(t *testing.T) {
	var value *setting.ValueError
	if err := setting.Error("nlb", errors.New("a")); !errors.As(err, &value) || value.Name != "nlb" || value.Err.Error() != "a" {
		t.Errorf("got %#v", value)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"format", "format-for", "nlb", "nlb-refresh", "trusted", "label", "rule", "privacy", "privacy-key"}
	f := func(name, want string) {
		t.Helper()
		if got := setting.Nearest(name, known); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	f("nolb", "nlb")
	f("nbl", "nlb")
	f("nlbs", "nlb")
	f("trustd", "trusted")
	f("turst", "") // two swapped, two missing
	f("formats", "format")
	f("formatfor", "format-for")
	f("privcay", "privacy")
	f("x", "")
	f("", "")
	f("filter-name", "")
	f("größe", "")
}
