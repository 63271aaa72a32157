package privacy

import (
	"strings"
	"testing"

	"clearhop/record"
)

// TestCutTexts: what may be the head of an address at the end of a text.
func TestCutTexts(t *testing.T) {
	const x = redacted
	f := func(mode Mode, d doubt, text, want string) {
		t.Helper()
		w := worker(t, Config{Mode: mode, Stays: ours})
		b := []byte(text)
		if w.hideEnd(&b, w.g.stays, d); string(b) != want {
			t.Errorf("%s, %d: %q becomes %q, want %q", modes[mode], d, text, b, want)
		}
		again := []byte(want)
		if w.hideEnd(&again, w.g.stays, d); string(again) != want {
			t.Errorf("%s, %d: %q becomes %q when it is hidden again", modes[mode], d, want, again)
		}
	}
	for _, mode := range []Mode{Truncate, Hash} {
		f(mode, likely, "client: 2001:db8:9d9d:5559:d377:b557:f", "client: "+x)
		f(mode, likely, "client: 2001:db8:", "client: "+x)
		f(mode, likely, "client: 2001:db8", "client: "+x)
		f(mode, likely, "client: 2001", "client: 2001")
		f(mode, likely, "client: 203.0.113.", "client: "+x)
		f(mode, likely, "client: 203.0", "client: "+x)
		f(mode, likely, "client: 203.", "client: 203.")
		f(mode, likely, "/lookup?ip=2001%3Adb8%3A9d9d%3A5559", "/lookup?ip="+x)
		f(mode, likely, "ip=203&#46;0=2E113", "ip="+x)
		f(mode, likely, `x\x22203.0.113`, `x\x22`+x)
		f(mode, likely, "ip=2001%3Adb8%3", "ip="+x)
		f(mode, likely, `x203\\u002e0\\u00`, "x"+x)
		f(mode, likely, "abc203.0.113", "abc"+x)
		f(mode, likely, "10.16.1.11 203.0", "10.16.1.11 "+x)
		f(mode, likely, "10.16.1.11:80", "10.16.1.11:80")
		f(mode, likely, "", "")
		f(mode, perhaps, "x 2001:db8:79d7:fb35:f51f:1fd5:153", "x "+x)
		f(mode, perhaps, "x 2001:db8:79d7:fb35", "x "+x)
		f(mode, hardly, "2001:db8:79d7:fb35:f51f:1fd5:", x)
		f(mode, whole, "2001:db8:79d7:fb35:f51f:1fd5:", "2001:db8:79d7:fb35:f51f:1fd5:")
		f(mode, hardly, "2.0.1", "2.0.1")
		for _, common := range []string{"11:00:24", "2026:11:00:24", "aa:bb:cc:dd:ee:ff", "nginx/1.22.1", "0.001", "http 127", "10.16.1.11:80"} {
			f(mode, perhaps, common, common)
		}
	}
	f(Truncate, likely, "a ::ffff:226.247.243", "a ::"+x)
	f(Hash, perhaps, "x 203.0.113.", "x "+x)
	f(Truncate, perhaps, "x 203.0.113.", "x 203.0.113.")
}

// TestCutErrorLines: nginx cuts error lines at 2,047 bytes.
func TestCutErrorLines(t *testing.T) {
	long := strings.Repeat("a", 2000)
	f := func(e record.ErrorLine, want string) {
		t.Helper()
		for _, mode := range []Mode{Truncate, Hash} {
			r := &record.Record{Dataset: record.ErrorLogLine, Error: e, Original: []byte("x, client: " + string(e.Client))}
			r.Client.Address = r.Error.Client
			r.Line.Text = []byte(long)
			worker(t, Config{Mode: mode}).Apply(r)
			if got := string(r.Error.Client) + "|" + string(r.Client.Address) + "|" + string(r.Error.Message) + "|" + string(r.Error.Request); got != want {
				t.Errorf("%s: got %q, want %q", modes[mode], got, want)
			}
		}
	}
	f(record.ErrorLine{Client: []byte("2001:db8:9d9d:5559:d377:b557:f")}, "[redacted]|[redacted]||")
	f(record.ErrorLine{Client: []byte("20")}, "[redacted]|[redacted]||")
	f(record.ErrorLine{Client: []byte("unix:")}, "unix:|unix:||")
	f(record.ErrorLine{Message: []byte("open() /203.0.11")}, "||open() /[redacted]|")
	f(record.ErrorLine{Message: []byte("12:34:56:78"), Request: []byte("GET /?ip=2001:db8:")}, "||12:34:56:78|GET /?ip=[redacted]")
}

func TestCutUser(t *testing.T) {
	for message, want := range map[string]string{
		`user "ann": password mism`: "ann", `user "ann" was not found in "/etc/ng`: "ann", `user "ann`: "ann", `user "a"nn": password`: `a"nn`, "user ann": "",
	} {
		if got := string(userOf([]byte(message))); got != want {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}
