// Command agents measures user-agent libraries on the same test cases: the
// table of docs/decisions/useragent.md.
//
//	cd internal/tools/agents && go run .
//
// It takes its cases from enrich/useragent/testdata. -testdata names another folder
// of the same layout, such as one with all of uap-core's cases.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	mileusna "github.com/mileusna/useragent"
	mssola "github.com/mssola/useragent"
	"github.com/ua-parser/uap-go/uaparser"

	"clearhop/enrich/useragent"
)

// An answer is what all the libraries can be asked.
type answer struct {
	name, version, os, osVersion, device string
	bot                                  bool
}

// A library is a candidate. Where it remembers texts, forget makes it stop.
type library struct {
	name   string
	source string // body of a main that links it
	open   func() (parse func(ua string) answer, forget func())
}

var libraries = []library{
	{"this package", `import "clearhop/enrich/useragent"
		func main() { println(useragent.NewRules().NewParser().Parse([]byte("x")).Name) }`,
		func() (func(string) answer, func()) {
			rules := useragent.NewRules()
			parser := rules.NewParser()
			return func(ua string) answer {
				r := parser.Parse([]byte(ua))
				return answer{r.Name, r.Version, r.OSName, r.OSVersion, r.DeviceName, r.Bot}
			}, func() { parser = rules.NewParser() }
		}},
	{"ua-parser/uap-go", `import "github.com/ua-parser/uap-go/uaparser"
		func main() { p, _ := uaparser.New(); println(p.Parse("x").UserAgent.Family) }`,
		func() (func(string) answer, func()) {
			// The cache cannot be switched off; one entry is the least.
			parser, err := uaparser.New(uaparser.WithCacheSize(1))
			if err != nil {
				log.Fatal(err)
			}
			return func(ua string) answer {
				r := parser.Parse(ua)
				return answer{r.UserAgent.Family, r.UserAgent.ToVersionString(), r.Os.Family, r.Os.ToVersionString(),
					r.Device.Family, r.Device.Family == "Spider"}
			}, func() {}
		}},
	{"mileusna/useragent", `import "github.com/mileusna/useragent"
		func main() { println(useragent.Parse("x").Name) }`,
		func() (func(string) answer, func()) {
			return func(ua string) answer {
				r := mileusna.Parse(ua)
				return answer{r.Name, r.Version, r.OS, r.OSVersion, r.Device, r.Bot}
			}, func() {}
		}},
	{"mssola/useragent", `import "github.com/mssola/useragent"
		func main() { println(useragent.New("x").OS()) }`,
		func() (func(string) answer, func()) {
			return func(ua string) answer {
				r := mssola.New(ua)
				name, version := r.Browser()
				system := r.OSInfo()
				return answer{name, version, system.Name, system.Version, r.Model(), r.Bot()}
			}, func() {}
		}},
}

type fixture struct{ UA, Family, Version string }

func main() {
	log.SetFlags(0)
	log.SetPrefix("compare: ")
	testdata := flag.String("testdata", filepath.Join("..", "..", "..", "enrich", "useragent", "testdata"), "`folder` with the test cases")
	sizes := flag.Bool("sizes", true, "build a program with each library and report its size")
	flag.Parse()

	browsers := read[[]fixture](*testdata, "uap-core/ua.json")
	systems := read[[]fixture](*testdata, "uap-core/os.json")
	devices := read[[]fixture](*testdata, "uap-core/device.json")
	crawlers := read[[]string](*testdata, "crawlers/crawlers.json")
	people := slices.DeleteFunc(slices.Clone(devices), func(x fixture) bool { return x.Family == "Spider" })

	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	row := func(cells ...any) {
		for _, c := range cells {
			fmt.Fprintf(w, "%v\t", c)
		}
		fmt.Fprintln(w)
	}
	row("", "browser", "major browsers", "system", "device", "bots found", "people as bots", "mean", "99th of 100", "allocs/op", "open", "heap KiB", "program KiB")
	base := 0
	if *sizes {
		base = size("func main() { println(0) }")
	}
	for _, l := range libraries {
		before := heap()
		start := time.Now()
		parse, forget := l.open()
		parse("x")
		opened := time.Since(start)

		browser := share(browsers, func(x fixture) bool {
			a := parse(x.UA)
			return unknown(x.Family) || (a.name == x.Family && a.version == x.Version)
		})
		known := slices.DeleteFunc(slices.Clone(browsers), func(x fixture) bool { return kind(x.Family) == "" })
		major := share(known, func(x fixture) bool {
			a := parse(x.UA)
			return kind(a.name) == kind(x.Family) && majorOf(a.version) == majorOf(x.Version)
		})
		system := share(systems, func(x fixture) bool { return systemOf(parse(x.UA).os) == systemOf(x.Family) })
		device := share(devices, func(x fixture) bool { return unknown(x.Family) || parse(x.UA).device == x.Family })
		found := share(crawlers, func(ua string) bool { return parse(ua).bot })
		wrong := share(people, func(x fixture) bool { return parse(x.UA).bot })

		grown := heap() - before
		forget()
		mean, slow, allocs := speed(parse, devices, browsers)
		runtime.KeepAlive(parse)
		program := 0
		if *sizes {
			program = size(l.source) - base
		}
		row(l.name, browser, major, system, device, found, wrong, mean, slow, allocs,
			opened.Round(10*time.Microsecond), grown/1024, program/1024)
	}
}

// unknown are the answers that only say that there is none: this package
// leaves them out, so that they would not count as wrong for it alone.
func unknown(s string) bool {
	return s == "" || s == "Other" || s == "Spider" || strings.HasPrefix(s, "Generic")
}

// kind brings the libraries' names of the most used browsers together, and is
// empty for all others.
func kind(name string) string {
	switch n := strings.ToLower(name); {
	case strings.HasPrefix(n, "chrome") || n == "headless chrome":
		return "chrome"
	case strings.HasPrefix(n, "firefox") && !strings.Contains(n, "("):
		return "firefox"
	case n == "safari" || n == "mobile safari":
		return "safari"
	case strings.HasPrefix(n, "edge"):
		return "edge"
	case n == "ie" || n == "ie mobile" || n == "internet explorer":
		return "ie"
	case strings.HasPrefix(n, "opera"):
		return "opera"
	case n == "samsung internet" || n == "samsung browser" || n == "samsungbrowser":
		return "samsung"
	}
	return ""
}

// systemOf brings the libraries' names of systems together.
func systemOf(name string) string {
	n := strings.ToLower(name)
	switch {
	case strings.HasPrefix(n, "mac"), n == "intel mac os x":
		return "macos"
	case n == "iphone os", n == "cpu os":
		return "ios"
	case n == "chrome os", n == "cros":
		return "chromeos"
	case n == "ubuntu", n == "debian", n == "fedora", n == "gnu/linux":
		return "linux"
	case n == "other":
		return ""
	}
	return n
}

func majorOf(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return major
}

func share[T any](list []T, right func(T) bool) string {
	n := 0
	for _, x := range list {
		if right(x) {
			n++
		}
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(len(list)))
}

// speed parses each text once; all have been parsed before, so that nothing is
// left to compile.
func speed(parse func(string) answer, lists ...[]fixture) (mean, slow time.Duration, allocs uint64) {
	var texts []string
	for _, x := range slices.Concat(lists...) {
		texts = append(texts, x.UA)
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	times := make([]time.Duration, 0, len(texts))
	var total time.Duration
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, ua := range texts {
		start := time.Now()
		parse(ua)
		took := time.Since(start)
		total += took
		times = append(times, took)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(times)
	return total / time.Duration(len(times)), times[len(times)*99/100], (after.Mallocs - before.Mallocs) / uint64(len(times))
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// size builds a program, stripped as for a Lambda, and returns its bytes.
func size(body string) int {
	dir, err := os.MkdirTemp(".", "size")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"+body), 0o644); err != nil {
		log.Fatal(err)
	}
	goal := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", goal, "./"+dir)
	if out, err := build.CombinedOutput(); err != nil {
		log.Fatalf("build: %v\n%s", err, out)
	}
	info, err := os.Stat(goal)
	if err != nil {
		log.Fatal(err)
	}
	return int(info.Size())
}

func read[T any](folder, name string) T {
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		log.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		log.Fatalf("read %s: %v", name, err)
	}
	return v
}
