package price

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFile: each name has a price and each price a name, with a unit, a page of AWS, and
// a word on how it was checked.
func TestFile(t *testing.T) {
	if got, want := len(loaded().Prices), len(Names()); got != want {
		t.Errorf("prices.yaml has %d prices, the package %d names", got, want)
	}
	for _, day := range []string{Written()} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			t.Error(err)
		}
	}
	if Region() == "" {
		t.Error("no region")
	}
	for _, name := range Names() {
		p := Of(name)
		page, err := url.Parse(p.Source)
		if p.Dollars <= 0 || p.Unit == "" || err != nil || page.Host != "aws.amazon.com" {
			t.Errorf("%s: %+v", name, p)
		}
		_, day := time.Parse(time.DateOnly, p.Checked)
		_, month := time.Parse("2006-01", p.Checked)
		if isDated := day == nil || month == nil; isDated == (p.Checked == NotChecked) || isDated != (p.By != "") {
			t.Errorf("%s: checked %q by %q", name, p.Checked, p.By)
		}
	}
}

// TestOrder: Names is in the order of the file.
func TestOrder(t *testing.T) {
	at := func(n Name) int { return strings.Index(string(file), "\n  "+string(n)+":") }
	if !slices.IsSortedFunc(Names(), func(a, b Name) int { return at(a) - at(b) }) {
		t.Errorf("%v", Names())
	}
}

func TestString(t *testing.T) {
	for dollars, want := range map[float64]string{0.029: "$0.029", 0.5: "$0.50", 3: "$3", 0.0000133334: "$0.0000133334", 5e-6: "$0.000005", 1.25: "$1.25"} {
		if got := (Price{Dollars: dollars}).String(); got != want {
			t.Errorf("%v: %s, want %s", dollars, got, want)
		}
	}
}

func TestUnknownNamePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Of("gold")
}
