//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clearhop/internal/measure"
)

// A runner knows how each program is run.
type runner struct {
	clearhop, gonx, duckdb, collector string // built programs; the last one only on request
	country, asn                      string // databases
	dir                               string // for what is written
	self                              string // this program, which writes lines too
	repository                        string
	commit                            string // of the repository
}

// A contender is one way to run a program, with the input that it reads.
type contender struct {
	input, id string
	*measure.Program
}

// Which contenders read which input.
var (
	allContenders = []string{"enrich", "enrich-auto", "enrich-geo", "enrich-hash", "enrich-summary", "enrich-2", "enrich-geo-2",
		"doctor", "doctor-2", "report", "report-2", "goaccess", "goaccess-geo", "goaccess-geo-2", "collector", "duckdb", "gonx", "lnav", "mawk", "wc"}
	extremeContenders = []string{"enrich", "enrich-geo"}
)

// program returns how a contender reads a file.
func (r *runner) program(id, file string, lines int) *measure.Program {
	if name, flags, ok := clearhopOf(id); ok {
		return r.ofClearhop(id, name, append(flags, file))
	}
	if strings.HasPrefix(id, "goaccess") {
		return r.ofGoAccess(id, file)
	}
	switch id {
	case "gonx":
		return built(&measure.Program{Name: "gonx, parse only", Args: []string{r.gonx, file}, Env: oneCPU})
	case "duckdb":
		return built(&measure.Program{Name: "DuckDB, `read_csv` and `regexp_extract` to JSON", Args: []string{r.duckdb, "lines", file}})
	case "collector":
		return r.ofCollector(file, lines)
	case "lnav":
		return found("lnav", "run .ci/tools compare, or install lnav", &measure.Program{Name: "lnav, load and count",
			Args: []string{"lnav", "-n", "-c", ";SELECT count(*) FROM access_log", file}, Env: []string{"HOME=" + r.dir, "XDG_CONFIG_HOME=" + r.dir, "TERM=dumb"}})
	case "mawk":
		const fields = `{ n += length($2) + length($3) + length($6) } END { print n }`
		return found("mawk", "install mawk", &measure.Program{Name: "mawk, split at the quotes, 3 fields", Args: []string{"mawk", "-F", `"`, fields, file}})
	case "wc":
		return found("wc", "install coreutils", &measure.Program{Name: "wc -l", Args: []string{"wc", "-l", file}})
	}
	panic("there is no contender " + id)
}

var oneCPU, twoCPUs = []string{"GOMAXPROCS=1"}, []string{"GOMAXPROCS=2"}

// clearhopOf returns the name and the flags of a contender that is Clearhop. Those whose id
// ends with -2 have two CPUs.
func clearhopOf(id string) (name string, flags []string, ok bool) {
	const combined, geo = "--format=combined", "GEO"
	id = strings.TrimSuffix(id, "-2")
	for _, c := range []struct {
		id, name string
		flags    []string
	}{
		{"enrich", "Clearhop `enrich --format combined`", []string{"enrich", "-q", combined}},
		{"enrich-auto", "Clearhop `enrich`", []string{"enrich", "-q"}},
		{"enrich-geo", "Clearhop `enrich --format combined`, country and network", []string{"enrich", "-q", combined, geo}},
		{"enrich-hash", "Clearhop `enrich --format combined --privacy hash`", []string{"enrich", "-q", combined, "--privacy=hash", "--privacy-key=a key for measurements"}},
		{"enrich-summary", "Clearhop `enrich --format combined --summary`", []string{"enrich", combined, "--summary"}},
		{"doctor", "Clearhop `doctor`", []string{"doctor", combined}},
		{"report", "Clearhop `report`, country", []string{"report", "-q", "COUNTRY"}},
	} {
		if c.id == id {
			return c.name, c.flags, true
		}
	}
	return "", nil, false
}

func (r *runner) ofClearhop(id, name string, args []string) *measure.Program {
	p := &measure.Program{Name: name, Args: []string{r.clearhop}, Env: oneCPU}
	if strings.HasSuffix(id, "-2") {
		p.Name, p.Env = name+", two cores", twoCPUs
	}
	for _, arg := range args {
		switch arg {
		case "COUNTRY":
			p.Args = append(p.Args, "--city-db="+r.country)
			needs(p, r.country)
		case "GEO":
			p.Args = append(p.Args, "--city-db="+r.country, "--asn-db="+r.asn)
			needs(p, r.country, r.asn)
		default:
			p.Args = append(p.Args, arg)
		}
	}
	if strings.HasPrefix(id, "doctor") {
		p.Accept = []int{1} // it has findings
	}
	return built(p)
}

// ofGoAccess writes a report as HTML with the country, or as JSON without it. -2 asks for
// two threads, which GoAccess has since 1.8.
func (r *runner) ofGoAccess(id, file string) *measure.Program {
	p := &measure.Program{Name: "GoAccess, JSON report", Args: []string{"goaccess", file, "--no-global-config", "--log-format=COMBINED", "--no-progress"}}
	report := filepath.Join(r.dir, "report.json")
	if strings.HasPrefix(id, "goaccess-geo") {
		p.Name, report = "GoAccess, HTML report, country", filepath.Join(r.dir, "report.html")
		p.Args = append(p.Args, "--geoip-database="+r.country)
		needs(p, r.country)
	}
	p.Args = append(p.Args, "-o", report)
	p.After = func() { _ = os.Remove(report) }
	p = found("goaccess", "run .ci/tools, or install goaccess", p)
	if strings.HasSuffix(id, "-2") {
		p.Name += ", two threads"
		p.Args = append(p.Args, "--jobs=2")
		help, _ := exec.Command("goaccess", "--help").CombinedOutput() // its exit code says nothing
		if p.Missing == "" && !bytes.Contains(help, []byte("--jobs")) {
			p.Missing = "this GoAccess has one thread only"
		}
	}
	return p
}

// needs gives the program a reason if a database that it reads is not there.
func needs(p *measure.Program, databases ...string) {
	for _, name := range databases {
		if _, err := os.Stat(name); err != nil {
			p.Missing = filepath.Base(name) + " is not there: make geoip"
		}
	}
}

// found gives the program a reason if its command is not on the PATH.
func found(command, advice string, p *measure.Program) *measure.Program {
	if _, err := exec.LookPath(command); err != nil {
		p.Missing = command + " is not on the PATH: " + advice
	}
	return p
}

// built gives the program a reason if it was not built.
func built(p *measure.Program) *measure.Program {
	if _, err := os.Stat(p.Args[0]); err != nil {
		p.Missing = filepath.Base(p.Args[0]) + " was not built: start with make compare, and read what it prints"
	}
	return p
}

// ofCollector runs the OpenTelemetry collector until each line is in its file. It reads the
// lines with a regular expression, as the documentation of its receiver shows.
func (r *runner) ofCollector(file string, lines int) *measure.Program {
	out, config := filepath.Join(r.dir, "collector.json"), filepath.Join(r.dir, "collector.yaml")
	p := &measure.Program{Name: "OpenTelemetry collector, `file_log` with a regular expression and the time, to a file", Env: oneCPU}
	if r.collector == "" {
		p.Missing = "only with make compare OTEL=yes, which builds it (some minutes)"
		return p
	}
	p.Args = []string{r.collector, "--config=" + config}
	p.Done = func(ctx context.Context) error { return waitForRecords(ctx, out, lines) }
	p.After = func() { _ = os.Remove(out) }
	text := strings.NewReplacer("INPUT", quoted(file), "OUTPUT", quoted(out)).Replace(collectorConfig)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		p.Missing = err.Error()
	}
	return built(p)
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // a text can always be written
	return string(b)
}

const collectorConfig = `receivers:
  file_log:
    include: [INPUT]
    start_at: beginning
    operators:
      - type: regex_parser
        regex: '^(?P<remote_addr>\S+) - (?P<remote_user>.*?) \[(?P<time_local>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<body_bytes_sent>\d+) "(?P<http_referer>[^"]*)" "(?P<http_user_agent>[^"]*)"'
        timestamp:
          parse_from: attributes.time_local
          layout: '%d/%b/%Y:%H:%M:%S %z'
exporters:
  file:
    path: OUTPUT
service:
  telemetry:
    logs: {level: error}
    metrics: {level: none}
  pipelines:
    logs:
      receivers: [file_log]
      exporters: [file]
`

// waitForRecords waits until a file, which may not be there yet, holds so many records of a
// log.
func waitForRecords(ctx context.Context, name string, records int) error {
	const (
		patience = 30 * time.Second // without a new record
		pause    = 20 * time.Millisecond
	)
	f, err := waitForFile(ctx, name, patience, pause)
	if err != nil {
		return err
	}
	defer f.Close()
	var seen recordCounter
	buffer := make([]byte, 1<<20)
	for last := time.Now(); seen.records < records; {
		n, err := f.Read(buffer)
		switch {
		case n > 0:
			last = time.Now()
			seen.add(buffer[:n])
		case err != nil && err != io.EOF:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Since(last) > patience:
			return fmt.Errorf("%d of %d lines are missing, and nothing was written for %v", records-seen.records, records, patience)
		default:
			time.Sleep(pause)
		}
	}
	return nil
}

func waitForFile(ctx context.Context, name string, patience, pause time.Duration) (*os.File, error) {
	for began := time.Now(); ; time.Sleep(pause) {
		f, err := os.Open(name)
		if err == nil || time.Since(began) > patience {
			return f, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// A recordCounter counts the records in what the collector writes. Each has the time when it
// was observed. The quotes around that key cannot come from a line, whose own are escaped.
type recordCounter struct {
	records int
	rest    []byte // the end of what was read, in which a key may begin
}

func (c *recordCounter) add(b []byte) {
	key := []byte(`"observedTimeUnixNano":`)
	c.rest = append(c.rest, b...)
	c.records += bytes.Count(c.rest, key)
	from := max(0, len(c.rest)-len(key)+1)
	if last := bytes.LastIndex(c.rest, key); last >= 0 {
		from = max(from, last+len(key))
	}
	c.rest = append(c.rest[:0], c.rest[from:]...)
}

// measurePrograms measures all contenders on all inputs, interleaved.
func (r *runner) measurePrograms(ctx context.Context, lines, rounds int, logFile string) (*programPart, error) {
	part := &programPart{setting: r.newSetting(rounds)}
	var all []contender
	for _, in := range inputs {
		id, file, err := r.prepareInput(ctx, in, lines, logFile)
		if err != nil {
			return nil, err
		}
		read, err := r.count(ctx, file)
		if err != nil {
			return nil, err
		}
		part.Inputs = append(part.Inputs, reading{ID: id, Counts: read})
		contenders := allContenders
		if in.extreme {
			contenders = extremeContenders
		}
		for _, c := range contenders {
			all = append(all, contender{id, c, r.program(c, file, read.Lines)})
		}
	}
	programs := make([]*measure.Program, len(all))
	for i, c := range all {
		programs[i] = c.Program
	}
	if err := measure.Rounds(ctx, programs, rounds, tell); err != nil {
		return nil, err
	}
	var err error
	if part.Floor, err = measure.Floor(ctx); err != nil { // now it is highest
		return nil, err
	}
	for _, c := range all {
		i := slices.IndexFunc(part.Inputs, func(in reading) bool { return in.ID == c.input })
		part.Inputs[i].Rows = append(part.Inputs[i].Rows, row{ID: c.id, Name: c.Name, Missing: c.Missing, Samples: samplesOf(c.Costs)})
	}
	part.Versions = r.versions()
	part.LoadAfter = measure.Load()
	return part, nil
}

const extremeLinesMost = 300_000 // of the inputs that are extremes

// prepareInput writes the file of an input. A log of one's own takes the place of the real
// lines, as the input "own".
func (r *runner) prepareInput(ctx context.Context, in input, lines int, logFile string) (id, file string, err error) {
	if in.id == "real" && logFile != "" {
		return "own", logFile, nil
	}
	if in.extreme {
		lines = min(lines, extremeLinesMost)
	}
	file = filepath.Join(r.dir, in.id+".log")
	return in.id, file, r.writeInput(ctx, in.id, lines, file)
}

func tell(round int, p *measure.Program) {
	if p.Missing != "" {
		log.Printf("round %d: %s: %s", round+1, p.Name, p.Missing)
		return
	}
	c := p.Costs[len(p.Costs)-1]
	log.Printf("round %d: %s: %.2f s of CPU, %.2f s, %d MB", round+1, p.Name, c.CPU.Seconds(), c.Elapsed.Seconds(), c.Peak/1e6)
}

// writeInput has another process write lines: what it takes stays out of this one.
func (r *runner) writeInput(ctx context.Context, id string, n int, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	args := r.writing(id, n)
	write := exec.CommandContext(ctx, args[0], args[1:]...)
	write.Stdout, write.Stderr = out, os.Stderr
	return errors.Join(write.Run(), out.Close())
}

// writing is the command that writes lines of an input.
func (r *runner) writing(id string, n int) []string {
	return []string{r.self, "-repository", r.repository, "-write", id, "-lines", strconv.Itoa(n)}
}

// count has another process count the lines of a file and their values.
func (r *runner) count(ctx context.Context, file string) (counts, error) {
	var c counts
	text, err := exec.CommandContext(ctx, r.self, "-count", file).Output()
	if err != nil {
		return c, fmt.Errorf("count %s: %w", file, err)
	}
	return c, json.Unmarshal(text, &c)
}

// countLines counts the lines of a log in combined, and the different values in them.
func countLines(in io.Reader) (counts, error) {
	var c counts
	clients, agents, paths := map[string]bool{}, map[string]bool{}, map[string]bool{}
	text, err := io.ReadAll(in)
	if err != nil {
		return c, err
	}
	c.Bytes = int64(len(text))
	for line := range bytes.Lines(text) {
		c.Lines++
		client, _, _ := bytes.Cut(line, []byte(" "))
		clients[string(client)] = true
		if parts := bytes.Split(line, []byte(`"`)); len(parts) >= 6 {
			agents[string(parts[5])] = true
			if request := bytes.Fields(parts[1]); len(request) > 1 {
				path, _, _ := bytes.Cut(request[1], []byte("?"))
				paths[string(path)] = true
			}
		}
	}
	c.Clients, c.Agents, c.Paths = len(clients), len(agents), len(paths)
	return c, nil
}

// versions asks each program for its version.
func (r *runner) versions() []version {
	all := []version{{"Clearhop", measure.Version(r.clearhop, "version")}}
	for _, p := range []struct {
		name string
		args []string
	}{
		{"GoAccess", []string{"goaccess", "--version"}}, {"gonx", []string{r.gonx, "-version"}}, {"DuckDB", []string{r.duckdb, "version"}},
		{"lnav", []string{"lnav", "-V"}}, {"mawk", []string{"mawk", "-W", "version"}}, {"wc", []string{"wc", "--version"}}, {"OpenTelemetry collector", []string{r.collector, "--version"}},
	} {
		if _, err := exec.LookPath(p.args[0]); err == nil {
			all = append(all, version{p.name, measure.Version(p.args[0], p.args[1:]...)})
		} else {
			all = append(all, version{p.name, "not here"})
		}
	}
	return all
}

// measureGrowth measures enrich and GoAccess on more and more lines of the payload, which
// they read as another process writes them: nothing of it is stored. Ten million lines and
// more are read once only.
func (r *runner) measureGrowth(ctx context.Context, most, goaccessMost, rounds int) (*growthPart, error) {
	part := &growthPart{setting: r.newSetting(rounds)}
	for n := 10_000; n <= most; n *= 10 {
		times := rounds
		if n >= 10_000_000 {
			times = 1
		}
		ids := []string{"enrich-geo"}
		if n <= goaccessMost {
			ids = append(ids, "goaccess-geo")
		}
		var programs []*measure.Program
		for _, id := range ids {
			p := r.program(id, "-", n)
			p.Input = r.writing("payload", n)
			programs = append(programs, p)
		}
		if err := measure.Rounds(ctx, programs, times, tell); err != nil {
			return nil, err
		}
		at := point{Lines: n}
		for i, p := range programs {
			at.Rows = append(at.Rows, row{ID: ids[i], Name: p.Name, Missing: p.Missing, Samples: samplesOf(p.Costs)})
		}
		part.Points = append(part.Points, at)
	}
	part.LoadAfter = measure.Load()
	return part, nil
}
