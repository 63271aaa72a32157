package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"clearhop/enrich/geoip"
	"clearhop/enrich/useragent"
)

// versionCommand prints what this is and whose data it may use.
type versionCommand struct{}

// Run prints to standard output.
func (versionCommand) Run(s streams) error {
	fmt.Fprintf(s.out, "clearhop %s %s/%s %s\n", version(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(s.out, "\nUser agents are read by the rules of %s.\n", useragent.RulesVersion)
	printAttributions(s.out)
	return nil
}

// version is the module's version where it was installed as a module, else the
// commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	return revision + modified
}

// printAttributions prints what the licences of data ask to be shown.
func printAttributions(w io.Writer) {
	fmt.Fprintln(w, "\nGeoIP data that make geoip and make geoip-city build from:")
	for _, s := range geoip.Sources() {
		fmt.Fprintf(w, "  %s (%s)\n    %s\n    %s\n", s.Name, s.License, s.Attribution, s.URL)
	}
}
