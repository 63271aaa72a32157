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

func TestOrigin(t *testing.T) {
	settings := func(pairs ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{}
		for i := 0; i < len(pairs); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return info
	}
	checkout := settings("vcs.revision", "79af221", "vcs.time", "2026-11-28T10:00:00Z")
	changed := settings("vcs.revision", "79af221", "vcs.time", "2026-11-28T10:00:00Z", "vcs.modified", "true")
	for _, c := range []struct {
		commit, date string
		info         *debug.BuildInfo
		want         string
	}{
		{"5e1f00d", "2026-11-29T10:00:00Z", checkout, "commit 5e1f00d of 2026-11-29T10:00:00Z"},
		{"5e1f00d", "", changed, "commit 5e1f00d"},
		{"", "", checkout, "commit 79af221 of 2026-11-28T10:00:00Z"},
		{"", "", changed, "commit 79af221 of 2026-11-28T10:00:00Z, with changes that are not committed"},
		{"", "", settings(), ""},
		{"", "", nil, ""},
	} {
		if got := origin(c.commit, c.date, c.info); got != c.want {
			t.Errorf("origin(%q, %q) is %q, want %q", c.commit, c.date, got, c.want)
		}
	}
}
