package parser

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// confText describes what was found.
func confText(c *Conf) []string {
	var out []string
	for _, f := range c.Formats {
		out = append(out, fmt.Sprintf("%s escape=%v %s", f.Name(), f.Escape(), strings.Join(f.Variables(), " ")))
	}
	for _, l := range c.Logs {
		out = append(out, fmt.Sprintf("%s:%d %s %s", l.File, l.Line, l.Path, l.Format))
	}
	return out
}

func TestParseConf(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "conf", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]ConfFile{
		"mime.types": {{Name: "mime.types", Text: []byte("types { text/html html htm; }")}},
		"conf.d/*.conf": {
			{Name: "conf.d/a.conf", Text: []byte("log_format a '$status'; server { access_log logs/a.log a; }")},
			{Name: "conf.d/b.conf", Text: []byte("log_format b '$status'\n  '$$';\nlog_format main '$host';\nlog_format c '$host';")},
		},
	}
	conf, err := ParseConf(text, "nginx.conf", func(path string) ([]ConfFile, error) {
		found, ok := files[path]
		if !ok {
			return nil, os.ErrNotExist
		}
		return found, nil
	})
	want := []string{
		"proxy escape=default remote_addr time_local protocol status bytes_sent session_time",
		"main escape=default remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent http_x_forwarded_for",
		"json escape=json time_iso8601 status remote_addr",
		"a escape=default status",
		"c escape=default host",
		"nginx.conf:9 /var/log/nginx/stream.log proxy",
		"nginx.conf:26 /var/log/nginx/access.log main",
		"conf.d/a.conf:1 logs/a.log a",
		"nginx.conf:34 syslog:server=unix:/dev/log json",
	}
	if diff := cmp.Diff(want, confText(conf)); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	wantErr := `nginx.conf:18:35: log_format cannot be read back: log_format glued: nothing stands between $remote_addr and $status, and $remote_addr can contain a digit, with which $status can begin
conf.d/b.conf:2:4: not a log_format: log_format b: a variable's name must follow "$"
conf.d/b.conf:3:1: log_format defined twice: log_format main`
	if err == nil || err.Error() != wantErr {
		t.Errorf("got  %v\nwant %s", err, wantErr)
	}
	if !errors.Is(err, ErrAmbiguous) || !errors.Is(err, ErrSyntax) || !errors.Is(err, ErrDuplicate) {
		t.Errorf("%v does not wrap its causes", err)
	}

	// Without a function to open files, includes are skipped.
	conf, err = ParseConf(text, "nginx.conf", nil)
	if len(conf.Formats) != 3 || errors.Is(err, ErrDuplicate) || !errors.Is(err, ErrAmbiguous) {
		t.Errorf("without includes: %q, %v", confText(conf), err)
	}
}

// The place of the error is marked with § in the text.
func TestParseConfErrors(t *testing.T) {
	f := func(marked, reason string, cause error, formats int) {
		t.Helper()
		before, after, ok := strings.Cut(marked, "§")
		if !ok {
			t.Fatalf("no § in %q", marked)
		}
		conf, err := ParseConf([]byte(before+after), "n", func(path string) ([]ConfFile, error) {
			if path == "self" {
				return []ConfFile{{Name: "n", Text: []byte(before + after)}}, nil
			}
			return nil, os.ErrNotExist
		})
		var got *ConfError
		if !errors.As(err, &got) {
			t.Errorf("%q: error %v", marked, err)
			return
		}
		line, column := 1+strings.Count(before, "\n"), len(before)-strings.LastIndexByte(before, '\n')
		if got.File != "n" || got.Line != line || got.Column != column || got.Reason != reason || !errors.Is(err, cause) {
			t.Errorf("%q\n got %v\nwant n:%d:%d: %v: %s", marked, err, line, column, cause, reason)
		}
		if len(conf.Formats) != formats {
			t.Errorf("%q: %d formats, want %d", marked, len(conf.Formats), formats)
		}
	}
	f(`log_format a '$status'; user x§`, `the file ends before ";" or "}"`, ErrSyntax, 1)
	f(`log_format a '$status'; §}`, `"}" closes no block`, ErrSyntax, 1)
	f("http {\n log_format a '$status';\n§", "the block http is not closed", ErrSyntax, 1)
	f(`http { §; }`, `unexpected ";"`, ErrSyntax, 0)
	f(`§{ }`, `unexpected "{"`, ErrSyntax, 0)
	f(`user x §}`, `unexpected "}"`, ErrSyntax, 0)
	f(`log_format a §'$status`, "the closing quote is missing", ErrSyntax, 0)
	f(`log_format a '$status'§'$host';`, "a space must follow the closing quote", ErrSyntax, 0)
	f(`§x_by_lua_block { if x then { `, "the block x_by_lua_block is not closed", ErrSyntax, 0)
	f("log_format a '$status';\nlog_format b escape=json '$host' '§$status'; log_format c $host;", "nothing stands between $host and $status, and $host can contain a digit, with which $status can begin", ErrAmbiguous, 2)
	f("a;\n §include none;", "include none", os.ErrNotExist, 0)
	f("§include a b;", "include takes one path", ErrSyntax, 0)
	f("§include self;", "files include each other more than 16 deep", ErrInclude, 0)
	f("§include self; include self;", "files include each other more than 16 deep", ErrInclude, 0)
}

// The bytes of all included files count.
func TestParseConfBounds(t *testing.T) {
	big := make([]byte, maxConfBytes/4)
	for i := range big {
		big[i] = '\n'
	}
	_, err := ParseConf([]byte("include big;"), "n", func(string) ([]ConfFile, error) {
		return []ConfFile{{"1", big}, {"2", big}, {"3", big}, {"4", big}, {"5", big}}, nil
	})
	want := "n:1:1: not included: the configuration has more than 1000 files or 16 MiB"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A slow reader of the configuration's words. Like ngx_conf_read_token, it reads one
// byte at a time and has the same flags.
type slowDirective struct {
	words      []string
	terminator byte
}

func slowTokens(text string) (out []slowDirective, ok bool) {
	var words []string
	var word []byte
	var space, quoted, single, double, needSpace, variable, comment = true, false, false, false, false, false, false
	end := func(terminator byte) {
		out = append(out, slowDirective{words, terminator})
		words = nil
	}
	for i := range len(text) {
		c := text[i]
		isSpace := c == ' ' || c == '\t' || c == '\r' || c == '\n'
		if comment {
			comment = c != '\n'
			continue
		}
		if quoted {
			quoted = false
			word = append(word, c)
			continue
		}
		if needSpace {
			switch {
			case isSpace:
				space, needSpace = true, false
				continue
			case c == ';' || c == '{':
				space, needSpace = true, false
				end(c)
				continue
			case c == ')':
				space, needSpace = true, false
			default:
				return out, false
			}
		}
		if space {
			if isSpace {
				continue
			}
			word = nil
			switch c {
			case ';', '{':
				if len(words) == 0 {
					return out, false
				}
				end(c)
				continue
			case '}':
				if len(words) != 0 {
					return out, false
				}
				end(c)
				continue
			case '#':
				comment = true
				continue
			}
			space = false
			switch c {
			case '\\':
				quoted = true
			case '"':
				double = true
				continue
			case '\'':
				single = true
				continue
			case '$':
				variable = true
			}
			word = append(word, c)
			continue
		}
		if c == '{' && variable {
			word = append(word, c)
			continue
		}
		variable = false
		if c == '\\' {
			quoted = true
			word = append(word, c)
			continue
		}
		if c == '$' {
			variable = true
			word = append(word, c)
			continue
		}
		found := false
		switch {
		case double:
			if c == '"' {
				double, needSpace, found = false, true, true
			}
		case single:
			if c == '\'' {
				single, needSpace, found = false, true, true
			}
		case isSpace || c == ';' || c == '{':
			space, found = true, true
		}
		if !found {
			word = append(word, c)
			continue
		}
		words = append(words, string(word))
		word = nil
		if c == ';' || c == '{' && !needSpace {
			end(c)
		}
	}
	return out, len(words) == 0 && len(word) == 0 && !single && !double
}

// FuzzConf: the directives found are those of the slow reader, in their order.
func FuzzConf(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "conf", "nginx.conf"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`a "b;" c{d;}e 'f' ;log_format x ${a}$b\;;`)
	f.Add("log_format a '$status'; # }\nx_by_lua_block { [[ }]] }")
	f.Fuzz(func(t *testing.T, text string) {
		conf, _ := ParseConf([]byte(text), "n", nil) // the slow reader reports what is wrong
		if conf == nil {
			t.Fatal("no conf")
		}
		for _, f := range conf.Formats {
			if len(f.steps) == 0 {
				t.Fatalf("%s has no variable", f.name)
			}
		}
		slow, ok := slowTokens(text)
		for i, at := 0, 0; ; i++ {
			d, derr := nextDirective(text, at)
			if derr != nil || d.terminator == 0 {
				if ok && (derr != nil || i != len(slow)) || derr == nil && !ok {
					t.Fatalf("%q: directive %d: %v; the slow reader has %d, all right: %v", text, i+1, derr, len(slow), ok)
				}
				break
			}
			if i == len(slow) {
				t.Fatalf("%q: directive %d is one too many: %q", text, i+1, text[d.start:d.end])
			}
			if d.terminator != slow[i].terminator || len(slow[i].words) > 0 && strings.Trim(slow[i].words[0], `"'`) != strings.Trim(d.name, `"'`) {
				t.Fatalf("%q: directive %d is %q%c, to the slow reader %q%c", text, i+1, d.name, d.terminator, slow[i].words, slow[i].terminator)
			}
			at = d.end
		}
	})
}
