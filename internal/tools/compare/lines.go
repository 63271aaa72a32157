//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"clearhop/chain"
)

// An input is a log in combined. The line with the number i is the same in each run, and
// whatever the number of lines is.
type input struct {
	id   string // of the input, as -write takes it
	name string
	text string // what the page says of it
	// extreme inputs differ from each other in one thing only; few programs read them.
	extreme bool
	open    func(repository string) (line func(dst []byte, i int) []byte, err error)
}

// The inputs.
var inputs = []input{
	{"real", "lines that real nginx wrote",
		"Lines that real nginx wrote in the recorded scenarios of [chain](chain.md), cut off after the fields of combined, " +
			"repeated to the number that is wanted, with the times moved on. They have few clients and few user agents.", false, realLines},
	{"payload", "made lines with realistic cardinality",
		"Made lines: 100,000 clients, 50,000 paths and the user agents of `enrich/useragent/testdata`, each by Zipf's law: few of them often, " +
			"most of them now and then. A twelfth of the lines are of robots, some are of scanners, and some have an error.", false, payloadLines},
	{"few", "200 clients, one user agent", "", true, func(string) (func([]byte, int) []byte, error) { return extremeLines(200, oneAgent), nil }},
	{"clients", "a client for each line, one user agent", "", true, func(string) (func([]byte, int) []byte, error) { return extremeLines(1<<30, oneAgent), nil }},
	{"versions", "200 clients, user agents by Zipf's law, a version of its own for each line", "", true, func(repository string) (func([]byte, int) []byte, error) {
		people, _, err := agents(repository)
		if err != nil {
			return nil, err
		}
		return extremeLines(200, versions(people)), nil
	}},
	{"agents", "200 clients, all user agents of the tests in turn, a build of its own for each line", "", true, func(repository string) (func([]byte, int) []byte, error) {
		people, robots, err := agents(repository)
		if err != nil {
			return nil, err
		}
		return extremeLines(200, builds(append(people, robots...))), nil
	}},
}

// inputNamed returns an input by its id.
func inputNamed(id string) (input, error) {
	for _, in := range inputs {
		if in.id == id {
			return in, nil
		}
	}
	return input{}, fmt.Errorf("there is no input %q", id)
}

// write writes the first n lines of an input.
func (in input) write(w io.Writer, repository string, n int) error {
	line, err := in.open(repository)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var b []byte
	for i := range n {
		b = append(line(b[:0], i), '\n')
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	return out.Flush()
}

// The time of the first line, and the time between two lines: a hundred million lines take
// 23 days.
var firstLine = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

const betweenLines = 20 * time.Millisecond

func appendTime(dst []byte, i int) []byte {
	return firstLine.Add(time.Duration(i)*betweenLines).AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
}

// combined finds the lines whose first fields are those of combined: what stands before the
// time, and what stands behind it up to the user agent.
var combined = regexp.MustCompile(`(?m)^(\S+ - .*? \[)\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}(\] "[^"]*" \d{3} \d+ "[^"]*" "[^"]*")`)

// recordedLines are the lines of the scenarios of the chain, in both formats that begin as
// combined does, in the order of the files: what stands before and behind the time.
func recordedLines() ([][2][]byte, error) {
	var all [][2][]byte
	for _, pattern := range []string{"*/*.seed.log", "*/*.clearhop.log"} {
		names, err := fs.Glob(chain.Recorded(), pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(chain.Recorded(), name)
			if err != nil {
				return nil, err
			}
			for _, m := range combined.FindAllSubmatch(text, -1) {
				all = append(all, [2][]byte{m[1], m[2]})
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("package chain has no recorded lines")
	}
	return all, nil
}

func realLines(string) (func([]byte, int) []byte, error) {
	all, err := recordedLines()
	if err != nil {
		return nil, err
	}
	return func(dst []byte, i int) []byte {
		m := all[i%len(all)]
		return append(appendTimeAfter(dst, m[0], i), m[1]...)
	}, nil
}

func appendTimeAfter(dst, before []byte, i int) []byte {
	return appendTime(append(dst, before...), i)
}

const (
	clients = 100_000
	paths   = 50_000
)

// payloadLines are the lines of a shop with many visitors.
func payloadLines(repository string) (func([]byte, int) []byte, error) {
	people, robots, err := agents(repository)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(20261129, 21))
	client, path := rand.NewZipf(random, 1.1, 50, clients-1), rand.NewZipf(random, 1.2, 10, paths-1)
	robot := rand.NewZipf(random, 1.3, 3, uint64(len(robots)-1))
	// Each client has one user agent. Which one is drawn once for all clients.
	agent := rand.NewZipf(random, 1.2, 8, uint64(len(people)-1))
	agentOf := make([]uint16, clients)
	for i := range agentOf {
		agentOf[i] = uint16(agent.Uint64())
	}
	return func(dst []byte, i int) []byte {
		number, kind := int(client.Uint64()), random.IntN(120)
		page := path.Uint64()
		switch {
		case kind < 10: // a robot, of a network of its own
			n := robot.Uint64()
			dst = openLine(dst, clients+int(n)*8+random.IntN(8), i)
			dst = appendPage(append(dst, "GET "...), page)
			return closeLine(dst, " HTTP/1.1", 200, random.IntN(60_000), "-", robots[n])
		case kind == 10: // a scanner
			dst = openLine(dst, number, i)
			dst = append(dst, scans[random.IntN(len(scans))]...)
			return closeLine(dst, "", []int{400, 403, 404, 404, 404}[random.IntN(5)], 150, "-", "-")
		}
		dst = openLine(dst, number, i)
		dst = append(dst, methods[random.IntN(len(methods))]...)
		dst = appendPage(dst, page)
		if random.IntN(10) == 0 {
			dst = fmt.Appendf(dst, "?page=%d&q=%x", random.IntN(50), random.Uint32())
		}
		referrer := "-"
		if page%3 > 0 {
			referrer = fmt.Sprintf("https://www.example.com/section/%d/", page%200)
		}
		return closeLine(dst, " HTTP/2.0", statuses[random.IntN(len(statuses))], random.IntN(60_000), referrer, people[agentOf[number]])
	}, nil
}

var (
	methods  = []string{"GET ", "GET ", "GET ", "GET ", "GET ", "GET ", "GET ", "GET ", "POST ", "HEAD "}
	statuses = []int{200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 206, 301, 302, 304, 304, 404, 499, 500, 502}
	scans    = []string{`\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03`, "GET /wp-login.php HTTP/1.1", "GET /.env HTTP/1.1",
		"POST /cgi-bin/.%2e/.%2e/bin/sh HTTP/1.1", "GET /phpmyadmin/index.php?lang=en HTTP/1.1"}
)

// extremeLines are lines of so many clients, each in turn, and of the user agents that
// agent returns for the numbers of the lines, which it is asked for in turn.
func extremeLines(clients int, agent func(i int) string) func([]byte, int) []byte {
	return func(dst []byte, i int) []byte {
		dst = appendPage(append(openLine(dst, i%clients, i), "GET "...), uint64(i%500))
		return closeLine(dst, " HTTP/1.1", 200, i%50_000, "-", agent(i))
	}
}

func oneAgent(int) string {
	return "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
}

// builds returns user agents of which no two are alike: each of those in turn, with a
// number behind it.
func builds(agents []string) func(i int) string {
	return func(i int) string { return fmt.Sprintf("%s build/%d", agents[i%len(agents)], i) }
}

// lastVersion finds the last number of a user agent that follows a dot or a slash, as the
// last part of a version does. What is left of the greedy dot stands before it.
var lastVersion = regexp.MustCompile(`^(.*[./])\d+`)

// versions returns user agents of which no two are alike: those by Zipf's law, as people's
// are in payloadLines, each with a number of its own in the place of the last part of its
// last version. A number has as many digits as it needs, and at least five. User agents
// without a version are left out.
func versions(agents []string) func(i int) string {
	random := rand.New(rand.NewPCG(20261129, 23))
	var parts [][2]string
	for _, agent := range agents {
		if m := lastVersion.FindStringSubmatch(agent); m != nil {
			parts = append(parts, [2]string{m[1], agent[len(m[0]):]})
		}
	}
	zipf := rand.NewZipf(random, 1.2, 8, uint64(len(parts)-1))
	return func(i int) string {
		of := parts[zipf.Uint64()]
		return fmt.Sprint(of[0], 10_000+i, of[1])
	}
}

// networks are first octets of public addresses.
var networks = []byte{1, 2, 5, 8, 12, 14, 23, 24, 27, 31, 36, 39, 41, 42, 45, 46, 49, 50, 58, 61, 62, 66, 68, 72, 77, 78, 80, 81, 82, 84, 86, 88,
	89, 90, 91, 93, 95, 101, 103, 106, 108, 110, 113, 115, 118, 121, 123, 125, 133, 139, 149, 151, 163, 176, 178, 181, 185, 187, 190, 201, 202, 210, 217, 222}

// openLine writes a line up to the request. Each client has an address of its own: that of
// every twentieth is IPv6.
func openLine(dst []byte, client, i int) []byte {
	n := uint32(client/len(networks)) * 0x9E3779B1 & 0xFFFFFF
	if client%20 == 19 {
		dst = fmt.Appendf(dst, "2a%02x:%x:%x::%x", client%len(networks), n>>12+1, n&0xFFF+1, client%97+1)
	} else {
		dst = fmt.Appendf(dst, "%d.%d.%d.%d", networks[client%len(networks)], n>>16, n>>8&255, n&255)
	}
	return append(appendTimeAfter(dst, []byte(" - - ["), i), `] "`...)
}

func closeLine(dst []byte, protocol string, status, size int, referrer, agent string) []byte {
	return fmt.Appendf(dst, `%s" %d %d "%s" "%s"`, protocol, status, size, referrer, agent)
}

func appendPage(dst []byte, n uint64) []byte {
	switch {
	case n == 0:
		return append(dst, '/')
	case n%4 == 1:
		return fmt.Appendf(dst, "/static/%x/app-%d.js", n*2654435761&0xFFFFFF, n)
	case n%11 == 2:
		return fmt.Appendf(dst, "/api/v1/items/%d", n)
	}
	return fmt.Appendf(dst, "/section/%d/item-%d.html", n%40, n)
}

// agents are the user agents of the tests of enrich/useragent, which come from uap-core and
// crawler-user-agents, as nginx would log them. Their order is mixed, always the same way:
// in the files those of one device stand together.
func agents(repository string) (people, robots []string, err error) {
	folder := filepath.Join(repository, "enrich", "useragent", "testdata")
	for _, name := range []string{"ua.json", "os.json", "device.json"} {
		var cases []struct {
			Agent string `json:"ua"`
		}
		if err := readJSON(filepath.Join(folder, "uap-core", name), &cases); err != nil {
			return nil, nil, err
		}
		for _, c := range cases {
			people = append(people, escaped(c.Agent))
		}
	}
	if err := readJSON(filepath.Join(folder, "crawlers", "crawlers.json"), &robots); err != nil {
		return nil, nil, err
	}
	for i, agent := range robots {
		robots[i] = escaped(agent)
	}
	return mixed(people), mixed(robots), nil
}

// mixed returns each text once, in an order by chance that is always the same.
func mixed(texts []string) []string {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	random := rand.New(rand.NewPCG(20261129, 22))
	random.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	return texts
}

// escaped writes a value as nginx does with escape=default.
func escaped(text string) string {
	var b bytes.Buffer
	for _, c := range []byte(text) {
		if c < ' ' || c >= 0x7F || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func readJSON(name string, to any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
