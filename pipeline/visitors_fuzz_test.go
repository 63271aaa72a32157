package pipeline_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/enrich/clientip"
	"clearhop/internal/modeltest"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
	"clearhop/verdict"
)

// writeLines has visitors of FuzzVisitors send line breaks too, in a path or to an nginx that
// waits for the PROXY protocol: so they write whole lines into the error log. Such an
// nginx also gets requests that leave no room for the peer's address in its error record.
var writeLines = flag.Bool("forged", true, "FuzzVisitors: visitors write lines into the error log")

// dice are the choices of one run: the fuzzer changes them one by one.
type dice []byte

// roll returns a number below n, which is at most 256; 0 when the dice are used up.
func (d *dice) roll(n int) int {
	if len(*d) == 0 {
		return 0
	}
	b := (*d)[0]
	*d = (*d)[1:]
	return int(b) % n
}

func (d *dice) pick(texts ...string) string { return texts[d.roll(len(texts))] }

// randomDice returns dice for a seed of the corpus.
func randomDice(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	d := make([]byte, 160)
	for i := range d {
		d[i] = byte(random.Uint32())
	}
	return d
}

// A logFormat is a log_format and how Clearhop is told of it.
type logFormat struct {
	*modeltest.Format
	setting string // of --format
	isNamed bool   // so that no column is a guess
	logsAll bool   // all five variables that say something of the chain
}

var theFive = []string{"remote_addr", "realip_remote_addr", "proxy_protocol_addr", "http_x_forwarded_for", "http_x_real_ip"}

// logFormats are all built-in formats, named and not, JSON, and random formats with
// and without all five variables. In all of them what a visitor sends is in quotes,
// and with escape=none between bytes that no visitor sends: others can be misread, as
// docs/formats.md says.
var logFormats = func() []logFormat {
	var all []logFormat
	add := func(directive, setting string, isNamed bool) {
		f := modeltest.NewFormat(directive)
		all = append(all, logFormat{f, setting, isNamed, f.Logs(theFive...)})
	}
	for _, name := range parser.BuiltinNames() {
		directive, _ := parser.Builtin(name)
		add(directive, name, true)
		add(directive, parser.Auto, name == parser.Recommended)
	}
	for i := range uint64(48) {
		directive, setting := randomLogFormat(rand.New(rand.NewPCG(i, 2)), int(i))
		if setting != parser.Auto {
			if _, err := parser.Compile(setting); err != nil {
				continue // it cannot be read back
			}
		}
		add(directive, setting, true)
	}
	return all
}()

func randomLogFormat(random *rand.Rand, i int) (directive, setting string) {
	names := slices.Clone(theFive)
	if i%4 == 3 {
		names = names[:1+random.IntN(4)] // some of them are not logged
	}
	names = append(names, "request", "status", "http_user_agent")
	for _, name := range []string{"time_local", "msec", "remote_user", "http_referer", "host", "request_id", "request_time", "connection", "scheme", "body_bytes_sent"} {
		if random.IntN(2) == 0 {
			names = append(names, name)
		}
	}
	random.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
	escape := []string{"default", "json", "none"}[i%3]
	var b strings.Builder
	if i%2 == 0 && escape != "none" {
		for n, name := range names {
			b.WriteString([]string{`,"`, `{"`}[max(0, 1-n)] + name + `":"$` + name + `"`)
		}
		return fmt.Sprintf("log_format random escape=%s '%s}';", escape, b.String()), parser.Auto
	}
	// What nginx itself knows stands first.
	at := slices.IndexFunc(names, func(name string) bool { return name == "remote_addr" })
	names[0], names[at] = names[at], names[0]
	separator := []string{" ", " | ", ";", "\t", " - "}[random.IntN(5)]
	for n, name := range names {
		switch {
		case escape == "none":
			b.WriteString([]string{"\x1f", ""}[max(0, 1-n)] + "$" + name)
		case n == 0:
			b.WriteString("$" + name)
		case strings.HasPrefix(name, "http_") || slices.Contains([]string{"request", "remote_user", "host"}, name) || random.IntN(3) == 0:
			b.WriteString(separator + `"$` + name + `"`)
		default:
			b.WriteString(separator + "$" + name)
		}
	}
	directive = fmt.Sprintf("log_format random escape=%s '%s';", escape, b.String())
	return directive, directive
}

// A given says what an operator tells Clearhop of the chain.
type given uint8

const (
	givenSets given = iota
	givenStrict
	givenSubnet
	inferredSets
)

// pipelines are the pipelines that runs have made: to make one takes longer than a run.
type pipelines map[string]*pipeline.Pipeline

func (all pipelines) get(t *testing.T, format logFormat, g given, cdn bool) *pipeline.Pipeline {
	t.Helper()
	key := fmt.Sprint(format.setting, g, cdn)
	if p := all[key]; p != nil {
		return p
	}
	c := pipeline.Config{Now: now, Parser: parser.Settings{Format: []string{format.setting}}}
	if g != inferredSets {
		c.Client = clientip.Settings{NLB: []string{modeltest.Node.String()}, Trusted: []string{modeltest.Edge.String()}, Strict: g == givenStrict}
		if cdn {
			c.Client.Trusted = append(c.Client.Trusted, modeltest.CDN)
		}
		if g == givenSubnet {
			c.Client.NLB = []string{"10.16.1.0/24"}
		}
	}
	p, err := pipeline.New(c)
	if err != nil {
		t.Fatal(err)
	}
	all[key] = p
	return p
}

// A run is one random chain with its log.
type run struct {
	setup   modeltest.Setup
	isRight bool // nothing is wrong with the chain
	format  logFormat
	given   given
	lines   []modeltest.Line
	wrapped []string // the lines as they were collected
}

// victim is an address that no visitor has: it must never be vouched for.
const victim = "203.0.113.66"

func newRun(d *dice, texts []string) *run {
	r := &run{isRight: d.roll(2) == 0, format: logFormats[d.roll(len(logFormats))], given: given(d.roll(4))}
	right := modeltest.RightSetups()
	if r.setup = right[d.roll(len(right))]; !r.isRight {
		r.setup = wrongSetup(d)
	}
	if r.setup.CDN && r.given == inferredSets {
		r.given = givenSets // a CDN must be named, or it is a visitor
	}
	for i := range 1 + d.roll(5) {
		q := r.request(d, texts, i)
		r.lines = append(r.lines, q.Lines(r.setup, r.format.Format)...)
	}
	r.wrap(d)
	return r
}

func wrongSetup(d *dice) modeltest.Setup {
	return modeltest.Setup{
		ProxyProtocol: d.roll(2) == 0, CDN: d.roll(4) == 1, NotRecursive: d.roll(4) == 1,
		Edge:         []modeltest.Source{modeltest.FromProxy, modeltest.NoSource, modeltest.FromForwarded, modeltest.FromRealIP}[d.roll(4)],
		Web:          []modeltest.Source{modeltest.FromForwarded, modeltest.FromRealIP, modeltest.NoSource}[d.roll(3)],
		EdgeBelieves: modeltest.Believed(d.roll(3)), WebBelieves: modeltest.Believed(d.roll(3)),
		Forwarded: []modeltest.HandOn{modeltest.HandProxyAddr, modeltest.HandRemoteAddr, modeltest.HandAppended, modeltest.HandVisitors, modeltest.HandNothing}[d.roll(5)],
		RealIP:    []modeltest.HandOn{modeltest.HandProxyAddr, modeltest.HandRemoteAddr, modeltest.HandVisitors, modeltest.HandNothing}[d.roll(4)],
	}
}

// request makes one of a random visitor, with the fuzzer's texts among others.
func (r *run) request(d *dice, texts []string, number int) *modeltest.Request {
	kinds := []modeltest.Kind{modeltest.Ordinary, modeltest.Ordinary, modeltest.NotFound, modeltest.NoUpstream, modeltest.Refused, modeltest.Probe}
	if !r.isRight {
		kinds = append(kinds, modeltest.NotListened, modeltest.NotSent)
	}
	q := &modeltest.Request{Kind: kinds[d.roll(len(kinds))], At: now().Add(time.Duration(number) * time.Second), Number: number + 1}
	q.Addr = netip.MustParseAddr(d.pick("210.227.0.10", "198.51.100.4", "2001:db8:210::10", "172.31.5.9", "8.8.8.8"))
	q.Endpoint = q.Addr.IsPrivate() && r.setup.ProxyProtocol
	if q.Addr.IsPrivate() && !q.Endpoint {
		q.Addr = netip.MustParseAddr("210.227.0.10")
	}
	q.PastCDN = q.Endpoint || d.roll(2) == 0
	own := q.Addr.String()
	header := func() string {
		return headerText(d.pick("", "-", victim, "6.6.6.6, "+victim, own, own+", "+victim, victim+", "+own, "10.16.1.11", "10.16.1.13",
			victim+", 10.16.1.13", victim+", 10.16.1.11", "203.0.113.5", "junk", ","+victim+",", "unix:", victim+":80", "["+own+"]:1", texts[d.roll(len(texts))]))
	}
	text := func() string {
		return headerText(d.pick("", "probe/1.0", "Mozilla/5.0 (X11) \"x\" \\", `" "`+victim+`" "`+victim, "ELB-HealthChecker/2.0", "-", "\\x22 - ", "\xff\xfe",
			`","remote_addr":"`+victim, texts[d.roll(len(texts))], texts[d.roll(len(texts))]))
	}
	q.XFF, q.XRI = header(), header()
	q.Agent, q.Referer, q.User = text(), text(), text()
	q.Host = strings.ReplaceAll(d.pick("www.example.com", own, "localhost"), " ", "")
	q.Path = r.path(d, texts)
	q.Query = strings.Map(func(c rune) rune {
		if c <= ' ' || c >= 0x7F {
			return '.'
		}
		return c
	}, d.pick("", "q=1", "ip="+victim, texts[d.roll(len(texts))]))
	q.Garbage = headerText(d.pick("\x16\x03\x01\x02\x01\xfc", "SSH-2.0-OpenSSH_9.2", "", "GET / HTTP/1.1", victim+" - - x", texts[d.roll(len(texts))]))
	q.Head = r.head(d, q, texts)
	return q
}

// headerText returns what nginx takes of a text as the value of a header.
func headerText(text string) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		switch c {
		case 0, '\r', '\n', 0x1f:
			return '.'
		}
		return c
	}, text), " ")
}

// path returns the path of a request. With writesLines it may have line breaks.
func (r *run) path(d *dice, texts []string) string {
	path := "/" + d.pick("hello", "", strings.Repeat("x", 2000), ", client: "+victim+", server: x", texts[d.roll(len(texts))],
		`broken header: "" while reading PROXY protocol, client: `+victim+`, server: x`)
	if !*writeLines {
		return strings.NewReplacer("\x00", ".", "\n", ".", "\r", ".").Replace(path)
	}
	for range d.roll(4) {
		path += d.pick("", `"`, `, client: `+victim+`, server: x, request: "GET / HTTP/1.1"`, `" failed (2: No such file or directory), client: `+victim+`, server: x`) + "\n" + r.forgedLine(d, texts)
	}
	return strings.ReplaceAll(path+d.pick("", "\n", "\ny", "\n\"y", "\n, client: "+victim+", server: x"), "\x00", ".")
}

// forgedLine returns a line that the victim never caused.
func (r *run) forgedLine(d *dice, texts []string) string {
	at := now().Add(5 * time.Second)
	v := netip.MustParseAddr(victim)
	q := &modeltest.Request{Visitor: modeltest.Visitor{Addr: v}, At: at, Number: 99, Path: "/admin", Agent: "victim/1.0", Host: "www.example.com", Head: "GET / HTTP/1.1"}
	edge := r.setup
	switch d.roll(7) {
	case 0, 1: // a whole access line, of the edge or of the web nginx
		lines := q.Lines(edge, r.format.Format)
		return lines[d.roll(len(lines))].Text
	case 2:
		q.Kind = modeltest.NotFound
		return q.Lines(edge, r.format.Format)[0].Text
	case 3:
		edge.Preserved = true // the peer is the victim
		q.Kind = modeltest.NotSent
		return q.Lines(edge, r.format.Format)[0].Text
	case 4:
		return wrapLine(1+d.roll(len(envelopes)-1), q.Lines(edge, r.format.Format)[0])
	case 5:
		return `{"remote_addr":"` + victim + `","request":"GET / HTTP/1.1","status":"200"}`
	}
	return texts[d.roll(len(texts))]
}

// head returns what nginx prints of a request that it took for the PROXY protocol.
func (r *run) head(d *dice, q *modeltest.Request, texts []string) string {
	tail := d.pick("", texts[d.roll(len(texts))], `" while reading PROXY protocol, client: `+victim+`, server: x`)
	if d.roll(2) == 0 { // since 1.23.2: one line, of 4,096 bytes at most
		head := headerText("GET " + strings.Repeat("/", 1+9*d.roll(256)) + tail + " HTTP/1.1")
		if !*writeLines { // then nginx has room for the address of the peer
			head = head[:min(len(head), 1800)]
		}
		return head
	}
	head := "GET / HTTP/1.1\r\n"
	if !*writeLines {
		return head + "Host: x\r\nX: y\r\n\r\n"
	}
	head += r.forgedLine(d, texts) + "\r\nX: " + headerText(tail) + "\r\n\r\n"
	return strings.ReplaceAll(head[:min(len(head), 107)], "\x00", ".")
}

// envelopes are what log routers wrap around a line; %s is the line.
var envelopes = []func(l modeltest.Line) string{
	func(l modeltest.Line) string { return l.Text },
	func(l modeltest.Line) string {
		return jsonText("source", stream(l), "log", l.Text, "container_id", "43481a6ce4842eec", "container_name", "/ecs-web-7-nginx")
	},
	func(l modeltest.Line) string {
		return jsonText("log", l.Text+"\n", "stream", stream(l), "time", "2026-11-22T11:00:25.123456789Z")
	},
	func(l modeltest.Line) string { return "2026-11-22T11:00:25.123456789Z " + stream(l) + " F " + l.Text },
	func(l modeltest.Line) string { return "web-1  | " + l.Text },
	func(l modeltest.Line) string { return "2026-11-22T11:00:25.123000+00:00 web/nginx/0f9d " + l.Text },
	func(l modeltest.Line) string { return "[pod/web-0/nginx] " + l.Text },
	func(l modeltest.Line) string {
		return "<190>Nov 22 11:00:25 host nginx: " + l.Text
	},
}

func wrapLine(envelope int, l modeltest.Line) string { return envelopes[envelope](l) }

func stream(l modeltest.Line) string {
	if l.IsError {
		return "stderr"
	}
	return "stdout"
}

// jsonText returns an object of keys and values.
func jsonText(members ...string) string {
	var b strings.Builder
	for i := 0; i < len(members); i += 2 {
		value, err := json.Marshal(members[i+1])
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, `%s"%s":%s`, []string{",", "{"}[max(0, 1-i)], members[i], value)
	}
	return b.String() + "}"
}

// wrap wraps all lines of the log in one envelope.
func (r *run) wrap(d *dice) {
	envelope := d.roll(2 * len(envelopes)) // half of the logs are files
	if envelope >= len(envelopes) {
		envelope = 0
	}
	for _, l := range r.lines {
		r.wrapped = append(r.wrapped, wrapLine(envelope, l))
	}
}

// FuzzVisitors: a model of the chain writes the log of a random chain, right or wrong
// in a random way, and of random visitors, in a random format and wrapped by a random
// log router. No address but the true visitor's is ever vouched for. In a right chain
// with the right settings the visitor is always the client, and nothing is a fault. A
// record that shows the NLB's address always says so.
func FuzzVisitors(f *testing.F) {
	for seed := range uint64(400) {
		f.Add(randomDice(seed), `" "`+victim+`" "-`, victim+` - admin [22/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 3 "-" "x"`)
	}
	made := pipelines{}
	f.Fuzz(func(t *testing.T, choices []byte, text1, text2 string) {
		d := dice(choices)
		r := newRun(&d, []string{text1, text2})
		w := made.get(t, r.format, r.given, r.setup.CDN).NewWorker()
		origins := []*record.Origin{{Source: "log"}, {Source: "edge"}, {Source: "web"}}
		isOneStream := d.roll(2) == 0
		var streams [3][]int
		for i, l := range r.lines {
			at := 0
			if !isOneStream {
				at = 1 + l.Hop
			}
			streams[at] = append(streams[at], i)
		}
		for at, indices := range streams {
			var lines []record.Line
			offset := int64(0) // counts bytes, as that of a file does: a record is 2,047 of them at most
			for _, i := range indices {
				lines = append(lines, record.Line{Text: []byte(r.wrapped[i]), Offset: offset, Origin: origins[at]})
				offset += int64(len(r.wrapped[i]) + len("\n"))
			}
			n := 0
			_, err := w.ProcessBatch(lines, true, func(out *pipeline.Outcome) error {
				i := indices[n]
				n++
				if fault := r.judge(i, out); fault != "" {
					t.Errorf("%s\nline  %q\nevent %s\nvisitor %s of %+v\nsettings %d, format %s", fault, lines[n-1].Text, out.Data, r.lines[i].Visitor, r.setup, r.given, r.format.Directive)
					t.Logf("the lines around it: %.800q", r.wrapped[max(0, i-4):min(len(r.wrapped), i+4)])
				}
				return nil
			})
			if err != nil || n != len(lines) {
				t.Fatal(n, err)
			}
		}
	})
}

// judge compares what Clearhop says of a line with what the model knows. It returns
// what is wrong, or "".
func (r *run) judge(i int, out *pipeline.Outcome) string {
	l, p, client := r.lines[i], &out.Record.Provenance, out.Record.Client.IP
	switch {
	case p.Vouched && client != l.Visitor && !r.cannotBeTold(l):
		return "vouches for another than the visitor"
	case l.Kind == modeltest.Probe && client.IsValid():
		return "a probe has a client"
	case client == modeltest.Node || client == modeltest.Edge:
		return "a proxy is the client"
	case p.Reason.IsFault() && (l.IsError || r.format.logsAll) && r.isRight && !r.isProxy(l.Visitor):
		return "sees a fault in a right chain"
	case l.IsError:
		return ""
	}
	return r.judgeAccess(l, out)
}

// judgeAccess judges an access line.
func (r *run) judgeAccess(l modeltest.Line, out *pipeline.Outcome) string {
	p := &out.Record.Provenance
	switch {
	case out.Record.Dataset != record.AccessLine:
		return "cannot be read"
	case l.Shows == modeltest.Node.String() && !p.NLBPrivateIP:
		return "does not say that the NLB's address shows"
	case r.isRight && r.format.logsAll && l.Kind != modeltest.Probe && l.Kind != modeltest.Refused && !r.isProxy(l.Visitor):
		return r.judgeRight(l, p, out.Record.Client.IP)
	}
	return ""
}

// judgeRight judges an access line of a visitor's request in a right chain, with all
// variables logged.
func (r *run) judgeRight(l modeltest.Line, p *record.Provenance, client netip.Addr) string {
	maybeForged := *writeLines && p.Verdict == verdict.Disputed // it may stand inside an error record
	switch {
	case maybeForged && (client == l.Visitor || !client.IsValid()):
		return ""
	case !p.Vouched && strings.Contains(r.format.setting, "escape=none") && (client == l.Visitor || !client.IsValid()):
		return "" // a visitor may write the column
	case client != l.Visitor:
		return "names another than the visitor"
	case !p.Vouched && !(r.given == inferredSets && l.Hop == 1): // inferred sets vouch for no header
		return "does not vouch for the visitor"
	}
	return ""
}

// isProxy reports whether the settings make a proxy of a visitor's address.
func (r *run) isProxy(addr netip.Addr) bool { return r.given == inferredSets && addr.IsPrivate() }

// cannotBeTold reports whether docs/verdicts.md names the line among those that
// nobody can tell from a right one.
func (r *run) cannotBeTold(l modeltest.Line) bool {
	s := r.setup
	visitor := modeltest.Visitor{Addr: l.Visitor}
	switch {
	case l.IsError || l.IsInner:
		return false
	case r.isRight:
		return r.looksLikePeer(l)
	case !r.format.logsAll || r.given == inferredSets:
		return true // only a complete log and given sets show every mistake
	case l.Hop == 1 && s.HandsOnVisitors(visitor, l.Edge):
		return true
	}
	return s.CDN && (!s.ProxyProtocol || l.Hop == 1 && l.Edge.Remote == l.Edge.Realip)
}

// looksLikePeer reports whether a CDN's address looks like that of the peer, since
// X-Real-IP is the only header that is logged.
func (r *run) looksLikePeer(l modeltest.Line) bool {
	logs := r.format.Logs
	return r.setup.CDN && l.Hop == 0 && logs("remote_addr", "http_x_real_ip") && !logs("realip_remote_addr") && !logs("proxy_protocol_addr") && !logs("http_x_forwarded_for")
}
