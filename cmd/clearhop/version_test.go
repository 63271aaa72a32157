package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	const pattern, archive = "$Format:commit %h of %cs$\n", "commit 79af221 of 2026-11-28\n"
	module := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "79af221"}
	f := func(release string, info *debug.BuildInfo, archived, want string) {
		t.Helper()
		if got := version(release, info, archived); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("v1.2.3", module("v1.0.0"), archive, "v1.2.3")
	f("", module("v1.0.0"), pattern, "v1.0.0")
	f("", module("(devel)", revision), pattern, "79af221")
	f("", module("", revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), pattern, "79af221+modified")
	f("", module("(devel)"), archive, "commit 79af221 of 2026-11-28")
	f("", module("(devel)"), pattern, "development version (built without git)")
	f("", nil, pattern, "development version (built without git)")
}
