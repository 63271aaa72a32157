package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clearhop/diagnose"
	"clearhop/internal/chaintest"
	"clearhop/internal/golden"
	"clearhop/internal/mototest"

	"github.com/google/go-cmp/cmp"
)

// What a finding is written like here: CODE@HOP, with the other causes that the
// lines allow behind it.
const (
	notListened = "proxy_protocol_not_listened@edge"
	off         = "proxy_protocol_off@edge"
	offOrRealip = "proxy_protocol_off@edge or realip_not_applied"
	realipOrOff = "realip_not_applied@edge or proxy_protocol_off"
	realipEdge  = "realip_not_applied@edge"
	realipWeb   = "realip_not_applied@web"
	handedProxy = "edge_handed_on_proxy@edge"
)

// logsRead are the logs of a scenario that are read together.
var logsRead = [][]string{
	{"edge.seed"}, {"web.seed"}, {"edge.seed", "web.seed"},
	{"edge.clearhop", "edge.error"}, {"web.clearhop"}, {"edge.clearhop", "edge.error", "web.clearhop"},
	{"edge.json", "web.json"},
}

// chainArgs are the addresses of the chain that wrote the logs of a scenario.
func chainArgs(scenario string) []string {
	args := []string{"--nlb", "10.16.1.11,2001:db8:16:1::11", "--trusted", "10.16.1.13,2001:db8:16:1::13", "--health-path", "/healthz"}
	switch {
	case strings.HasPrefix(scenario, "cdn"):
		args = append(args, "--trusted", "130.176.0.0/16")
	case strings.HasPrefix(scenario, "two-proxies"):
		args = append(args, "--trusted", "10.16.1.15")
	case strings.HasPrefix(scenario, "unix-peer"):
		args = append(args, "--trusted", "unix:")
	}
	return args
}

// TestDoctorOfTheChain reads what real nginx wrote in every scenario of the
// chain, from one hop or from both, and in each format. testdata/doctor holds
// the findings of all in one table, with no address given and with all of them.
//
// Which scenarios are healthy is the chain's own word.
func TestDoctorOfTheChain(t *testing.T) {
	reports, err := filepath.Abs(filepath.Join("testdata", "doctor"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "chain.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(chaintest.Dir(t)) // for names without a path
	t.Setenv("COLUMNS", "")   // the width of the text
	scenarios, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, folder := range scenarios {
		name := folder.Name()
		if !folder.IsDir() {
			continue
		}
		healthy := bytes.Contains(page, []byte("- **"+name+"** (no fault)"))
		if !healthy && !bytes.Contains(page, []byte("- **"+name+"**:")) {
			t.Errorf("docs/chain.md does not tell of %s", name)
		}
		fmt.Fprintf(&table, "%s\n", name)
		found := 0
		for _, logs := range logsRead {
			args := existing(name, logs)
			if len(args) == 0 {
				continue
			}
			if name == "private-link-logged" && logs[0] == "edge.clearhop" {
				args = append(args, "--format", "@"+filepath.Join(name, "edge.conf"), "--format", "auto")
			}
			inferred := findings(examined(t, args...))
			given := findings(examined(t, append(chainArgs(name), args...)...))
			fmt.Fprintf(&table, "  %s\n    inferred: %s\n", strings.Join(logs, " "), list(inferred))
			if !slices.Equal(inferred, given) {
				fmt.Fprintf(&table, "    given:    %s\n", list(given))
			}
			if healthy && len(given) > 0 {
				t.Errorf("%s, %v: a false alarm: %v", name, logs, given)
			}
			found += len(given)
		}
		// Of scanners nobody promises a finding.
		if !healthy && found == 0 && name != "scanners-no-error-page" {
			t.Errorf("%s: nothing was found", name)
		}
		both := existing(name, []string{"edge.clearhop", "edge.error", "web.clearhop"})
		golden.Check(t, filepath.Join(reports, name+".txt"), doctorOutput(t, nil, both...))
		golden.Check(t, filepath.Join(reports, name+".json"), doctorOutput(t, nil, append(both, "--output", "json")...))
	}
	golden.Check(t, filepath.Join(reports, "findings.txt"), []byte(table.String()))
}

// existing are the logs of a scenario that are not empty.
func existing(scenario string, logs []string) []string {
	var files []string
	for _, log := range logs {
		file := scenario + "/" + log + ".log"
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			files = append(files, file)
		}
	}
	return files
}

func list(findings []string) string {
	if len(findings) == 0 {
		return "-"
	}
	return strings.Join(findings, "; ")
}

// TestDoctorPage holds the output that docs/doctor.md shows to the command.
func TestDoctorPage(t *testing.T) {
	page, err := filepath.Abs(filepath.Join("..", "..", "docs", "doctor.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(chaintest.Dir(t), "no-realip-anywhere"))
	t.Setenv("COLUMNS", "")
	shown := func(args ...string) string {
		var out, errOut bytes.Buffer
		run(t.Context(), args, nil, &out, &errOut)
		if errOut.Len() > 0 {
			t.Errorf("standard error: %s", errOut.String())
		}
		return "```\n" + out.String() + "```\n"
	}
	golden.Sections(t, page, map[string]string{
		"report":    shown("doctor", "edge.clearhop.log", "web.clearhop.log"),
		"ambiguous": shown("doctor", "--nlb", "10.16.1.11", "--trusted", "10.16.1.13", "edge.seed.log"),
		"format":    shown("format", "main"),
	})
}

// TestDoctorInTheSeedsFormat: two causes are left that nobody can tell apart in
// that format, and the variable is named that would.
func TestDoctorInTheSeedsFormat(t *testing.T) {
	scenarios := chaintest.Dir(t)
	for _, folder := range []string{"no-realip-anywhere", "ppv2-off"} {
		file := filepath.Join(scenarios, folder, "edge.seed.log")
		r := examine(t, []string{offOrRealip}, nil, append(chainArgs(folder), file)...)
		if tell := r.Findings[0].Alternatives[0].TellApart; !strings.Contains(tell, "$proxy_protocol_addr") {
			t.Errorf("%s: the variable that decides is not named: %s", folder, tell)
		}
	}
}

// examined runs the doctor and returns its report.
func examinedOf(t *testing.T, out *bytes.Buffer) *diagnose.Report {
	t.Helper()
	var r diagnose.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func examined(t *testing.T, args ...string) *diagnose.Report {
	t.Helper()
	var r diagnose.Report
	if err := json.Unmarshal(doctorOutput(t, nil, append(args, "--output", "json")...), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func findings(r *diagnose.Report) []string {
	var list []string
	for _, f := range r.Findings {
		s := f.Code.String() + "@" + f.Hop.String()
		for _, a := range f.Alternatives {
			s += " or " + a.Code.String()
		}
		list = append(list, s)
	}
	return list
}

// examine runs the doctor and compares its findings.
func examine(t *testing.T, want []string, in io.Reader, args ...string) *diagnose.Report {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(t.Context(), append([]string{"doctor", "--output", "json"}, args...), in, &out, &errOut)
	if errOut.Len() > 0 {
		t.Errorf("standard error: %s", errOut.String())
	}
	var r diagnose.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if diff := cmp.Diff(want, findings(&r)); diff != "" {
		var text bytes.Buffer
		if err := r.WriteText(&text, diagnose.Style{}); err != nil {
			t.Error(err)
		}
		t.Errorf("findings (-want +got):\n%s\n%s", diff, text.String())
	}
	wantCode, state := exitOK, diagnose.Healthy
	if len(want) > 0 {
		wantCode, state = exitFindings, diagnose.Broken
	}
	if code != wantCode || r.State != state {
		t.Errorf("exit code %d and state %s, want %d and %s", code, r.State, wantCode, state)
	}
	return &r
}

func doctorOutput(t *testing.T, in io.Reader, args ...string) []byte {
	t.Helper()
	var out, errOut bytes.Buffer
	run(t.Context(), append([]string{"doctor"}, args...), in, &out, &errOut)
	if errOut.Len() > 0 {
		t.Errorf("standard error: %s", errOut.String())
	}
	return out.Bytes()
}

// A traffic writes the lines of a chain of two NLB nodes, two tasks of the edge
// and a web hop, in the recommended format or in the seed's.
type traffic struct {
	*rand.Rand
	seed  bool // the seed's format: no $realip_remote_addr, no $proxy_protocol_addr
	at    time.Time
	lines []string
}

func newTraffic(seedFormat bool) *traffic {
	return &traffic{
		Rand: rand.New(rand.NewPCG(16, 2026)), seed: seedFormat,
		at: time.Date(2026, 11, 22, 10, 55, 0, 0, time.UTC),
	}
}

var (
	nodes  = []string{"10.16.1.11", "10.16.2.11"}
	edges  = []string{"10.16.1.13", "10.16.2.13"}
	agents = []string{
		"Mozilla/5.0 (Windows NT 10.0) Firefox/132.0", "Mozilla/5.0 (X11; Linux) Chrome/131.0", "Mozilla/5.0 (Macintosh) Safari/605",
		"Mozilla/5.0 (iPhone) Safari/604", "Mozilla/5.0 (Android 14) Chrome/131.0", "Mozilla/5.0 (iPad) Safari/604", "curl/8.5.0",
		"Mozilla/5.0 (compatible; Googlebot/2.1)", "Mozilla/5.0 (compatible; bingbot/2.0)", "okhttp/4.12", "Slackbot 1.0", "Edge/131.0",
		"Opera/9.80", "python-requests/2.32", "Go-http-client/2.0",
	}
)

func (g *traffic) client() string {
	return fmt.Sprintf("%d.%d.%d.%d", 20+g.IntN(60), g.IntN(256), g.IntN(256), 1+g.IntN(254))
}
func (g *traffic) agent() string { return agents[g.IntN(len(agents))] }
func (g *traffic) path() string  { return fmt.Sprintf("/shop/item%d", g.IntN(40)) }
func (g *traffic) node() string  { return nodes[g.IntN(2)] }
func (g *traffic) edge() string  { return edges[g.IntN(2)] }
func (g *traffic) pass()         { g.at = g.at.Add(time.Duration(g.IntN(1500)) * time.Millisecond) }

// request is one line. Empty values are not there.
type request struct{ remote, peer, proxied, forwarded, realIP, line, agent, id string }

func (g *traffic) log(status int, r request) {
	or := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	if r.line == "" {
		r.line = "GET " + g.path() + [...]string{" HTTP/1.1", " HTTP/2.0"}[g.IntN(2)]
	}
	if r.agent == "" {
		r.agent = g.agent()
	}
	line := fmt.Sprintf(`%s - - [%s] "%s" %d 512 "-" "%s" "%s" "%s"`, r.remote, g.at.Format("02/Jan/2006:15:04:05 -0700"),
		r.line, status, r.agent, or(r.forwarded), or(r.realIP))
	if !g.seed {
		id := r.id
		if id == "" {
			id = fmt.Sprintf("%016x%016x", g.Uint64(), g.Uint64())
		}
		line += fmt.Sprintf(` %s %s "shop.example" %s %d.%03d 0.010 200 http "-" "-" "-"`, or(r.peer), or(r.proxied), id, g.at.Unix(), g.at.UnixMilli()%1000)
	}
	g.lines = append(g.lines, line)
}

// Lines of the edge.
func (g *traffic) edgeRight(node string) {
	client := g.client()
	r := request{remote: client, peer: node, proxied: client}
	if g.IntN(50) == 0 {
		r.forwarded = "6.6.6.6" // what some visitors send
	}
	g.log(200, r)
}
func (g *traffic) edgeNoRealip(node string) {
	g.log(200, request{remote: node, peer: node, proxied: g.client()})
}
func (g *traffic) edgeOff(node string) { g.log(200, request{remote: node, peer: node}) }

// Lines of the web hop.
func (g *traffic) webRight(edge string) {
	client := g.client()
	g.log(200, request{remote: client, peer: edge, forwarded: client, realIP: client, line: "GET " + g.path() + " HTTP/1.0"})
}
func (g *traffic) webNoRealip(edge string) {
	client := g.client()
	g.log(200, request{remote: edge, peer: edge, forwarded: client, realIP: client, line: "GET " + g.path() + " HTTP/1.0"})
}

// everyday puts between the lines of a chain what each chain has.
func (g *traffic) everyday(i int, edgeHop bool) {
	node := nodes[i%2]
	if !edgeHop {
		node = edges[i%2]
	}
	switch {
	case i%40 == 0: // the NLB's health checks, by the PROXY protocol's LOCAL
		g.log(200, request{remote: node, peer: node, agent: "ELB-HealthChecker/2.0", line: "GET /healthz HTTP/1.1"})
	case i%97 == 0: // requests that nginx refuses
		g.log(400, request{remote: node, peer: node, line: `\x16\x03\x01\x02\x00`, agent: "-"})
	case i%101 == 0:
		g.log(408, request{remote: node, peer: node, line: "-", agent: "-"})
	case i%53 == 0: // callers of your own
		g.log(200, request{remote: "10.16.9.20", peer: "10.16.9.20", agent: "prometheus/2.54", line: "GET /metrics HTTP/1.1"})
	case i%307 == 0: // scanners
		g.log(400, request{remote: node, peer: node, line: `\x00`, agent: "-"})
	}
}

func (g *traffic) reader() io.Reader { return strings.NewReader(strings.Join(g.lines, "\n") + "\n") }

func TestDoctorOfMixedStreams(t *testing.T) {
	tests := []struct {
		name  string
		want  []string // in the recommended format
		seed  []string // in the seed's
		write func(g *traffic)
		check func(t *testing.T, r *diagnose.Report, seedFormat bool)
	}{
		{
			name: "healthy edge",
			write: func(g *traffic) {
				for i := range 2000 {
					g.pass()
					g.edgeRight(g.node())
					g.everyday(i, true)
				}
			},
		},
		{
			name: "healthy web hop",
			write: func(g *traffic) {
				for i := range 2000 {
					g.pass()
					g.webRight(g.edge())
					g.everyday(i, false)
				}
			},
		},
		{
			name: "healthy behind a CDN",
			write: func(g *traffic) {
				for i := range 2000 {
					g.pass()
					cdn := fmt.Sprintf("203.0.113.%d", 1+g.IntN(200))
					g.log(200, request{remote: cdn, peer: g.node(), proxied: cdn, forwarded: g.client()})
					g.everyday(i, true)
				}
			},
		},
		{
			name: "health checks with a user agent of their own",
			write: func(g *traffic) {
				next := g.at
				for range 2000 {
					g.pass()
					g.edgeRight(g.node())
					if !g.at.Before(next) {
						g.log(200, request{remote: nodes[0], peer: nodes[0], agent: "my-checker", line: "GET /up HTTP/1.1"})
						next = next.Add(30 * time.Second)
					}
				}
			},
			check: func(t *testing.T, r *diagnose.Report, _ bool) {
				if r.Read.Probes == 0 {
					t.Error("no probe was recognised")
				}
			},
		},
		{
			name: "2% broken at the edge",
			want: []string{realipEdge},
			seed: []string{offOrRealip},
			write: func(g *traffic) {
				for i := range 5000 {
					g.pass()
					if i%50 == 7 {
						g.edgeNoRealip(g.node())
					} else {
						g.edgeRight(g.node())
					}
					g.everyday(i, true)
				}
			},
			check: func(t *testing.T, r *diagnose.Report, _ bool) {
				if f := r.Findings[0]; f.Lines != 100 || f.Since != nil {
					t.Errorf("%d lines since %v, want 100 all over", f.Lines, f.Since)
				}
			},
		},
		{
			name: "2% broken at the web hop",
			want: []string{realipWeb},
			seed: []string{realipWeb},
			write: func(g *traffic) {
				for i := range 5000 {
					g.pass()
					if i%50 == 7 {
						g.webNoRealip(edges[1])
					} else {
						g.webRight(g.edge())
					}
					g.everyday(i, false)
				}
			},
		},
		{
			name: "one NLB node of two is not trusted",
			want: []string{realipEdge},
			seed: []string{offOrRealip},
			write: func(g *traffic) {
				for i := range 1000 {
					g.pass()
					if node := g.node(); node == nodes[1] {
						g.edgeNoRealip(node)
					} else {
						g.edgeRight(node)
					}
					g.everyday(i, true)
				}
			},
			check: func(t *testing.T, r *diagnose.Report, seedFormat bool) {
				peers := r.Findings[0].Peers
				if peers[0].Name != nodes[1] {
					t.Errorf("the wrong node is %s, want %s", peers[0].Name, nodes[1])
				}
				if !seedFormat && (len(peers) != 2 || peers[0].Lines*100 < peers[0].Of*99 || peers[1].Lines != 0 || peers[1].Of == 0) {
					t.Errorf("the shares of the nodes are %+v", peers)
				}
			},
		},
		{
			name: "a deploy in the middle",
			want: []string{off},
			seed: []string{realipOrOff}, // if the NLB alone had stopped, every request would fail
			write: func(g *traffic) {
				deploy := time.Date(2026, 11, 22, 11, 3, 0, 0, time.UTC)
				for i := 0; g.at.Before(deploy.Add(5 * time.Minute)); i++ {
					g.pass()
					if g.at.Before(deploy) {
						g.edgeRight(g.node())
					} else {
						g.edgeOff(g.node())
					}
					g.everyday(i, true)
				}
			},
			check: func(t *testing.T, r *diagnose.Report, _ bool) {
				f := r.Findings[0]
				if f.Since == nil || f.Since.Format("15:04") != "11:03" || f.RightBefore < 300 || f.Until != nil {
					t.Errorf("since %v, %d right before, until %v: want since 11:03", f.Since, f.RightBefore, f.Until)
				}
			},
		},
		{
			name: "fixed in the middle",
			want: []string{realipEdge},
			seed: []string{offOrRealip},
			write: func(g *traffic) {
				for i := range 800 {
					g.pass()
					if i < 300 {
						g.edgeNoRealip(g.node())
					} else {
						g.edgeRight(g.node())
					}
				}
			},
			check: func(t *testing.T, r *diagnose.Report, _ bool) {
				if f := r.Findings[0]; f.Until == nil || f.Since != nil || f.RightAfter < 400 {
					t.Errorf("since %v until %v, %d right after", f.Since, f.Until, f.RightAfter)
				}
			},
		},
		{
			name: "30 lines",
			want: []string{off},
			seed: []string{offOrRealip},
			write: func(g *traffic) {
				for range 30 {
					g.pass()
					g.edgeOff(g.node())
				}
			},
		},
		{
			name: "two lines",
			want: []string{realipWeb},
			seed: []string{realipWeb},
			write: func(g *traffic) {
				for range 2 {
					g.pass()
					g.webNoRealip(edges[0])
				}
			},
		},
		{
			name: "PROXY protocol headers among right requests, which one visitor can send",
			check: func(t *testing.T, r *diagnose.Report, _ bool) {
				if len(r.Noted) != 1 || r.Noted[0].Code.String() != "proxy_protocol_not_listened" || r.Noted[0].Lines != 1000 {
					t.Errorf("noted %+v", r.Noted)
				}
			},
			write: func(g *traffic) {
				for i := range 3000 {
					g.pass()
					switch node := g.node(); i % 6 {
					case 0:
						g.log(400, request{remote: node, peer: node, line: `\x00`, agent: "-"})
					case 1:
						g.log(400, request{remote: node, peer: node, line: "PROXY TCP4 198.51.100.7 10.16.1.11 4711 80", agent: "-"})
					default:
						g.edgeRight(node)
					}
				}
			},
		},
		{
			name: "PROXY protocol headers in the place of right requests",
			want: []string{notListened},
			seed: []string{notListened},
			write: func(g *traffic) {
				for i := range 3000 {
					g.pass()
					node := g.node()
					if i < 2900 {
						g.edgeRight(node)
					} else {
						g.log(400, request{remote: node, peer: node, line: `\x00`, agent: "-"})
					}
				}
			},
		},
	}
	for _, test := range tests {
		for _, seedFormat := range []bool{false, true} {
			name, want := test.name, test.want
			if seedFormat {
				name, want = name+", seed's format", test.seed
			}
			t.Run(name, func(t *testing.T) {
				g := newTraffic(seedFormat)
				test.write(g)
				r := examine(t, want, g.reader())
				if test.check != nil && !t.Failed() {
					test.check(t, r, seedFormat)
				}
			})
		}
	}
}

// TestDoctorJoins: the logs of both hops tell together what neither tells alone.
func TestDoctorJoins(t *testing.T) {
	tests := []struct {
		name      string
		edge, web request // CLIENT stands for the visitor's address
		want      []string
		joined    func(*diagnose.Joined) int64
	}{
		{"right", request{remote: "CLIENT"}, request{remote: "CLIENT", forwarded: "CLIENT"},
			nil, func(j *diagnose.Joined) int64 { return j.Right }},
		{"only the edge's own log is wrong", request{remote: nodes[0]}, request{remote: "CLIENT", forwarded: "CLIENT"},
			[]string{realipEdge}, func(j *diagnose.Joined) int64 { return j.EdgeOwnLog }},
		{"the web hop is wrong", request{remote: "CLIENT"}, request{remote: edges[0], forwarded: "CLIENT"},
			[]string{realipWeb}, func(j *diagnose.Joined) int64 { return j.Web }},
		{"the edge hands on the NLB's address", request{remote: "CLIENT"}, request{remote: nodes[0], forwarded: nodes[0]},
			[]string{"edge_handed_on_proxy@edge"}, func(j *diagnose.Joined) int64 { return j.EdgeHandsOn }},
		{"the edge knows nobody", request{remote: nodes[0]}, request{remote: nodes[0], forwarded: nodes[0]},
			[]string{offOrRealip, handedProxy}, func(j *diagnose.Joined) int64 { return j.BeforeEdge }},
	}
	const n = 200
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			edge, web := newTraffic(true), newTraffic(true)
			ids := make([]string, n)
			for i := range n {
				edge.pass()
				web.at = edge.at
				client, id := edge.client(), fmt.Sprintf("%016x%016x", edge.Uint64(), edge.Uint64())
				ids[i] = id
				agent := edge.agent()
				for _, hop := range []struct {
					g *traffic
					r request
				}{{edge, test.edge}, {web, test.web}} {
					r := hop.r
					r.remote = strings.ReplaceAll(r.remote, "CLIENT", client)
					r.forwarded = strings.ReplaceAll(r.forwarded, "CLIENT", client)
					r.realIP, r.agent = r.forwarded, agent
					hop.g.log(200, r)
				}
			}
			const format = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for" "$http_x_real_ip" `
			files := make([]string, 2)
			for k, g := range []*traffic{edge, web} {
				for i := range g.lines {
					g.lines[i] += " id=" + ids[i]
					if k == 1 {
						g.lines[i] = strings.Replace(g.lines[i], " id=", " from=", 1)
					}
				}
				files[k] = filepath.Join(t.TempDir(), []string{"edge.log", "web.log"}[k])
				if err := os.WriteFile(files[k], []byte(strings.Join(g.lines, "\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r := examine(t, test.want, nil, "--format", format+"id=$request_id", "--format", format+"from=$http_x_request_id", files[0], files[1])
			if r.Joined == nil || r.Joined.Requests != n || test.joined(r.Joined) != n {
				t.Fatalf("joined %+v, want %d requests of one kind", r.Joined, n)
			}
			for _, f := range r.Findings {
				if f.Joined != n {
					t.Errorf("%s is shown by %d requests, want %d", f.Code, f.Joined, n)
				}
			}
		})
	}
}

// TestDoctorWithSomeAddresses: what is given stays, and the rest is inferred.
func TestDoctorWithSomeAddresses(t *testing.T) {
	scenarios := chaintest.Dir(t)
	web := filepath.Join(scenarios, "web-no-realip", "web.seed.log")
	examine(t, []string{realipWeb}, nil, "--nlb", "10.16.1.11", web)
	edge := filepath.Join(scenarios, "edge-no-realip", "edge.clearhop.log")
	examine(t, []string{realipEdge}, nil, "--trusted", "10.16.1.13", edge)

	// A VPN, which looks like a node of the NLB until it is named.
	g := newTraffic(true)
	for i := range 400 {
		g.pass()
		if i%10 == 0 {
			g.edgeOff("10.16.9.9")
		} else {
			g.edgeRight(nodes[0])
		}
	}
	examine(t, []string{offOrRealip}, g.reader())
	examine(t, nil, g.reader(), "--internal", "10.16.9.0/24")

	// A node of the NLB that was not given is a finding.
	g = newTraffic(false)
	for range 200 {
		g.pass()
		g.edgeRight(g.node())
	}
	r := examine(t, []string{"unlisted_node@"}, g.reader(), "--nlb", nodes[0])
	if lines := r.Findings[0].Steps[0].Lines; !slices.Equal(lines, []string{"--nlb " + nodes[0] + "," + nodes[1]}) {
		t.Errorf("the cure is %q", lines)
	}
}

// TestDoctorAsksAWS: what the seed's format cannot tell, the target group does.
func TestDoctorAsksAWS(t *testing.T) {
	endpoint := mototest.Start(t)
	useEndpoint(t, endpoint)
	n := mototest.NewNetwork(t, endpoint, region, "10.16.1.0/24")
	n.AddInterface("ELB net/shop-edge/1", "10.16.1.11")
	arn := n.AddBalancer("shop-edge", "network", "shop-80")[0]
	n.AddBalancer("pay", "network", "pay-80")
	logs := []string{filepath.Join(chaintest.Dir(t), "ppv2-off", "edge.seed.log"), "--aws"}

	r := examine(t, []string{off}, nil, logs...)
	if len(r.Chain.TargetGroups) != 1 || r.Chain.TargetGroups[0].Name != "shop-80" || r.Chain.InferredNLB {
		t.Errorf("the chain is %+v", r.Chain)
	}
	if f := r.Findings[0]; !f.Certain || !strings.Contains(f.Why, "AWS says") || !strings.Contains(fmt.Sprint(f.Steps), "--target-group-arn "+arn) {
		t.Errorf("%+v", f)
	}
	n.SetAttribute(arn, "proxy_protocol_v2.enabled", "true")
	examine(t, []string{realipEdge}, nil, logs...)

	// What was read is reported although AWS says no.
	t.Setenv("AWS_REGION", "eu-west-1")
	var out, errOut bytes.Buffer
	code := run(t.Context(), append([]string{"doctor", "--nlb", "10.16.1.11"}, logs...), nil, &out, &errOut)
	if code != exitFindings || errOut.Len() != 0 || !strings.Contains(out.String(), "proxy_protocol_off or realip_not_applied") {
		t.Errorf("in a region without NLBs: exit code %d, %s\n%s", code, errOut.String(), out.String())
	}
	t.Setenv("AWS_REGION", "")
	code = run(t.Context(), append([]string{"doctor", "--nlb", "10.16.1.11"}, logs...), nil, &out, &errOut)
	if code != exitFindings || !strings.Contains(errOut.String(), "no region is set") {
		t.Errorf("without a region: exit code %d, %s", code, errOut.String())
	}
}

// TestDoctorRedacts: what names a visitor is not printed.
func TestDoctorRedacts(t *testing.T) {
	line := `10.16.1.13 - alice [22/Nov/2026:11:00:48 +0000] "GET /p/x?token=secret HTTP/1.0" 200 3 "https://ref.example/q" "probe/1.0" "210.227.33.44, 2001:db8:210:7::10" "2001:db8:210:7::10"` + "\n"
	for _, output := range []string{"text", "json"} {
		got := string(doctorOutput(t, strings.NewReader(strings.Repeat(line, 3)), "--output", output))
		for _, private := range []string{"alice", "secret", "ref.example", "33.44", "210:7"} {
			if strings.Contains(got, private) {
				t.Errorf("%s: %q is printed:\n%s", output, private, got)
			}
		}
		for _, shown := range []string{"210.227.33.x", "2001:db8:210::x", "10.16.1.13", "GET /p/x"} {
			if !strings.Contains(got, shown) {
				t.Errorf("%s: %q is not shown:\n%s", output, shown, got)
			}
		}
	}
}

// TestDoctorColours: only where they were asked for, as the output here is no
// terminal.
func TestDoctorColours(t *testing.T) {
	line := `10.16.1.13 - - [22/Nov/2026:11:00:48 +0000] "GET / HTTP/1.0" 200 3 "-" "probe/1.0" "210.227.0.10" "210.227.0.10"` + "\n"
	in := func() io.Reader { return strings.NewReader(line) }
	if out := doctorOutput(t, in()); bytes.ContainsRune(out, '\x1b') {
		t.Errorf("colours in %q", out)
	}
	coloured := doctorOutput(t, in(), "--color", "always")
	if !bytes.ContainsRune(coloured, '\x1b') {
		t.Error("no colours")
	}
	bare := coloured
	for _, code := range []string{"\x1b[1m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"} {
		bare = bytes.ReplaceAll(bare, []byte(code), nil)
	}
	if !slices.Equal(bare, doctorOutput(t, in(), "--color", "never")) {
		t.Error("colours change the text")
	}
}
