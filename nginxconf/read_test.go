package nginxconf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outline writes a tree with the lines of its directives.
func outline(block []*Directive) string {
	var b strings.Builder
	for i, d := range block {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s:%d %s%q", filepath.Base(d.File.Name), d.Line, d.Name, d.Args)
		if d.IsBlock {
			b.WriteString("{" + outline(d.Block) + "}")
		}
	}
	return b.String()
}

// Each text was given to a real nginx, which takes its words as they stand here.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`a '$s "\x" \\ \t';`:            `n:1 a["$s \"\\x\" \\ \t"]`,
		"a 'b\\'c' \"d\\\"e\" f\\ g;":   `n:1 a["b'c" "d\"e" "f\\ g"]`,
		"a ${b}c;":                      `n:1 a["${b}c"]`,
		"a x}y;":                        `n:1 a["x}y"]`,
		"a b#c; # d\n e;":               `n:1 a["b#c"] n:2 e[]`,
		"a 'x\n y'\n# z;\n 'w';\nb;":    `n:1 a["x\n y" "w"] n:5 b[]`,
		`c_by_lua_block { x = "}" } a;`: `n:1 c_by_lua_block[]{} n:1 a[]`,
		"a {\nb {\n} c; }":              `n:1 a[]{n:2 b[]{} n:3 c[]}`,
		"if ($a) { }":                   `n:1 if["($a)"]{}`,
		"a \"\";":                       `n:1 a[""]`,
		"http { include self; }":        `n:1 http[]{self:1 s[] self:2 t["u"]}`,
		"server { include self; } server{include self;}": `n:1 server[]{self:1 s[] self:2 t["u"]} n:1 server[]{self:1 s[] self:2 t["u"]}`,
	} {
		c, err := Parse(&File{Name: "n", Text: []byte(text)}, func(string) ([]*File, error) {
			return []*File{{Name: "self", Text: []byte("s;\nt u;")}}, nil
		})
		if got := outline(c.Root); err != nil || got != want {
			t.Errorf("%q\n got %s, %v\nwant %s", text, got, err, want)
		}
	}
}

// The place of the error is marked with § in the text.
func TestParseErrors(t *testing.T) {
	for marked, reason := range map[string]string{
		"a b§":                           `the file ends before ";" or "}"`,
		"a; §}":                          `"}" closes no block`,
		"http {\n a;\n§":                 "the block http is not closed",
		"http { §; }":                    `unexpected ";"`,
		"a b §}":                         `unexpected "}"`,
		"a §'b":                          "the closing quote is missing",
		"a 'b'§'c';":                     "a space must follow the closing quote",
		"§x_by_lua_block { if x {":       "the block x_by_lua_block is not closed",
		"§include self;":                 "files include each other more than 16 deep",
		"§include a b;":                  "include takes one path",
		strings.Repeat("a{", 64) + "§a{": "blocks are more than 64 deep",
	} {
		before, after, _ := strings.Cut(marked, "§")
		file := &File{Name: "n", Text: []byte(before + after)}
		_, err := Parse(file, func(string) ([]*File, error) { return []*File{file}, nil })
		var got *Error
		if !errors.As(err, &got) {
			t.Errorf("%q: error %v", marked, err)
			continue
		}
		line, column := position(before, len(before))
		if got.Line != line || got.Column != column || got.Reason != reason {
			t.Errorf("%q\n got %v\nwant n:%d:%d %s", marked, got, line, column, reason)
		}
	}
}

func TestReadIncludes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"nginx.conf":      "http {\n include mime.types;\n include conf.d/*.conf;\n include none/*.conf;\n include gone.conf;\n types { include gone.types; }\n}",
		"mime.types":      "types { }",
		"conf.d/b.conf":   "server { include snippets/realip; }",
		"conf.d/a.conf":   "server { include snippets/realip; }",
		"snippets/realip": "set_real_ip_from 10.0.0.1;\nreal_ip_header proxy_protocol;",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Read(filepath.Join(dir, "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	want := `nginx.conf:1 http[]{mime.types:1 types[]{} a.conf:1 server[]{realip:1 set_real_ip_from["10.0.0.1"] realip:2 real_ip_header["proxy_protocol"]} ` +
		`b.conf:1 server[]{realip:1 set_real_ip_from["10.0.0.1"] realip:2 real_ip_header["proxy_protocol"]} nginx.conf:6 types[]{}}`
	if got := outline(c.Root); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	unknown := c.Unknowns()
	if len(unknown) != 1 || !strings.HasSuffix(unknown[0].At, "nginx.conf:5") {
		t.Errorf("unknown: %v", unknown)
	}
}

const inheritance = `
http {
	set_real_ip_from 10.0.0.0/8;
	real_ip_header X-Forwarded-For;
	proxy_set_header A 1;
	server {
		listen 80 proxy_protocol default_server;
		listen [::]:8080 ssl;
		listen unix:/run/a.sock;
		real_ip_recursive on;
		location / { proxy_pass http://web; }
		location /own {
			set_real_ip_from unix:;
			set_real_ip_from ::ffff:10.1.0.0/112;
			set_real_ip_from host.example;
			proxy_set_header B 2;
			location /own/deep { real_ip_header proxy_protocol; }
		}
	}
	server { listen 8.8.8.8; listen 127.0.0.1:81; listen *:82; listen [::1]; set_real_ip_from 0.0.0.0/0; }
	server { }
	upstream web { server 10.0.0.2; server unix:/run/b.sock; keepalive 3; }
	map $a $b { default x; }
}
stream { server { listen 443 proxy_protocol; proxy_protocol on; proxy_pass 127.0.0.1:8443; } }
load_module modules/x.so;
`

func TestModel(t *testing.T) {
	c, err := Parse(&File{Name: "n", Text: []byte(inheritance)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var level func(l *Level)
	level = func(l *Level) {
		header, _ := l.RealIPHeader()
		recursive, _ := l.IsRecursive()
		set, _ := l.SetHeaders()
		line := fmt.Sprintf("%s: %s %v", l.Path(), header, recursive)
		for _, trust := range l.Trusted() {
			line += fmt.Sprintf(" %s=%v:%d", trust.Text, trust.Prefix, trust.Line)
		}
		for _, d := range set {
			line += " " + d.Raw()
		}
		got = append(got, line)
		for _, inner := range l.Locations {
			level(inner)
		}
	}
	for _, s := range c.Servers() {
		for _, l := range s.Listens {
			got = append(got, fmt.Sprintf("listen %v %s proxy_protocol=%v default=%v", l.Address, l.Unix, l.ProxyProtocol, l.Default))
		}
		level(s.Level)
	}
	want := []string{
		"listen 0.0.0.0:80  proxy_protocol=true default=true",
		"listen [::]:8080  proxy_protocol=false default=false",
		"listen invalid AddrPort /run/a.sock proxy_protocol=false default=false",
		"http, server: x-forwarded-for true 10.0.0.0/8=10.0.0.0/8:3 proxy_set_header A 1;",
		"http, server, location /: x-forwarded-for true 10.0.0.0/8=10.0.0.0/8:3 proxy_set_header A 1;",
		"http, server, location /own: x-forwarded-for true unix:=invalid Prefix:13 ::ffff:10.1.0.0/112=::ffff:10.1.0.0/112:14 host.example=invalid Prefix:15 proxy_set_header B 2;",
		"http, server, location /own, location /own/deep: proxy_protocol true unix:=invalid Prefix:13 ::ffff:10.1.0.0/112=::ffff:10.1.0.0/112:14 host.example=invalid Prefix:15 proxy_set_header B 2;",
		"listen 8.8.8.8:80  proxy_protocol=false default=false",
		"listen 127.0.0.1:81  proxy_protocol=false default=false",
		"listen 0.0.0.0:82  proxy_protocol=false default=false",
		"listen [::1]:80  proxy_protocol=false default=false",
		"http, server: x-forwarded-for false 0.0.0.0/0=0.0.0.0/0:20 proxy_set_header A 1;",
		"listen 0.0.0.0:80  proxy_protocol=false default=false",
		"http, server: x-forwarded-for false 10.0.0.0/8=10.0.0.0/8:3 proxy_set_header A 1;",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("model (-want +got):\n%s", diff)
	}
	if u := c.Upstream("web"); u == nil || len(u.Servers) != 2 {
		t.Errorf("upstream %v", u)
	}
	if d := c.MadeBy("b"); d == nil || d.At() != "n:23" {
		t.Errorf("map %v", d)
	}
	if len(c.Streams()) != 1 || !c.Streams()[0].Listens[0].ProxyProtocol {
		t.Error("stream is not read")
	}
	if !slices.ContainsFunc(c.Unknowns(), func(u Unknown) bool { return strings.Contains(u.What, "modules/x.so") }) {
		t.Errorf("unknown %v", c.Unknowns())
	}
}
