package main

import (
	_ "embed"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"clearhop/analytics/store"
	"clearhop/enrich/geoip"
	"clearhop/enrich/useragent"

	"github.com/alecthomas/kong"
)

// versionCommand prints what this is and whose data it may use.
type versionCommand struct{}

// Run prints to standard output.
func (versionCommand) Run(s streams) error {
	printVersion(s.out)
	info, _ := debug.ReadBuildInfo()
	if origin := origin(commit, commitDate, info); origin != "" {
		fmt.Fprintln(s.out, origin)
	}
	if !store.HasEngine {
		fmt.Fprintln(s.out, "Built without DuckDB: serve does not run, and report and query run only with --athena.")
	}
	fmt.Fprintf(s.out, "\nUser agents are read by the rules of %s.\n", useragent.RulesVersion)
	printAttributions(s.out)
	return nil
}

// A versionFlag is the flag --version.
type versionFlag bool

// BeforeReset prints the version and ends the program.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	printVersion(app.Stdout)
	app.Exit(exitOK)
	return nil
}

// versionText is the version of this program.
func versionText() string {
	info, _ := debug.ReadBuildInfo()
	return version(release, info, archived)
}

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "clearhop %s %s/%s %s\n", versionText(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// What a release is built with: its version, its commit and when that was committed.
//
//	go build -ldflags "-X main.release=v1.2.3 -X main.commit=79af221 -X main.commitDate=2026-11-28T10:00:00Z" ./cmd/clearhop
var release, commit, commitDate string

// archived is the commit and its date, which git archive writes into the file, as
// the hosts of repositories do for the archives that they offer. In a checkout it is
// the pattern itself.
//
//go:embed archived.txt
var archived string

// version returns the first of these that is known: the version of the release, that
// of the module (go install, or a build in a git checkout), the commit of the
// checkout, the commit of a source archive. info is nil if there is none.
func version(release string, info *debug.BuildInfo, archived string) string {
	if release != "" {
		return release
	}
	if info == nil {
		info = &debug.BuildInfo{}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	if revision != "" {
		return revision + modified
	}
	if archived = strings.TrimSpace(archived); archived != "" && !strings.HasPrefix(archived, "$") {
		return archived
	}
	return "development version (built without git)"
}

// origin says which commit a program was built from and when it was committed: the one
// that it was built with, else that of the checkout. It is empty if neither is known. A
// source archive's commit is its version.
func origin(commit, date string, info *debug.BuildInfo) string {
	modified := ""
	if commit == "" && info != nil {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.time":
				date = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", with changes that are not committed"
			}
		}
	}
	switch {
	case commit == "":
		return ""
	case date == "":
		return "commit " + commit + modified
	}
	return "commit " + commit + " of " + date + modified
}

// printAttributions prints what the licences of data ask to be shown.
func printAttributions(w io.Writer) {
	fmt.Fprintln(w, "\nGeoIP data that make geoip and make geoip-city build from:")
	for _, s := range geoip.Sources() {
		fmt.Fprintf(w, "  %s (%s)\n    %s\n    %s\n", s.Name, s.License, s.Attribution, s.URL)
	}
}
