package parser

import (
	"reflect"
	"strings"
	"testing"

	"clearhop/record"
)

func TestChatter(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		var r record.Record
		if !IsChatter([]byte(line)) || !ParseChatter([]byte(line), &r) {
			t.Errorf("%q is no chatter", line)
		}
		if got := strings.Join(dumpStruct(reflect.ValueOf(r.Error)), " "); got != strings.Join(want, " ") || r.Dataset != record.OtherLine || r.HasTimestamp {
			t.Errorf("%q: %s: got %s, want %q", line, r.Dataset, got, want)
		}
	}
	f("/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration")
	f("/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh")
	f("/docker-entrypoint.sh: Configuration complete; ready for start up")
	f("10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf")
	f("10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf")
	f("15-local-resolvers.envsh: info: x")
	f("20-envsubst-on-templates.sh: Running envsubst on /etc/nginx/templates/a.template to /etc/nginx/conf.d/a\r")
	f("30-tune-worker-processes.sh: error: /etc/nginx/nginx.conf is not a file or does not exist")
	f("nginx: the configuration file /etc/nginx/nginx.conf syntax is ok")
	f("nginx: configuration file /etc/nginx/nginx.conf test is successful\r")
	f("nginx: configuration file /etc/nginx/nginx.conf test failed")
	// Viewers of logs, and systemd.
	f("==> /var/log/nginx/access.log <==")
	f("==> standard input <==\r")
	f("--")
	f("-- Journal begins at Sun 2026-11-22 10:00:00 UTC, ends at Sun 2026-11-22 12:00:00 UTC. --")
	f("-- Logs begin at Sun 2026-11-22 10:00:00 UTC, end at Sun 2026-11-22 12:00:00 UTC. --")
	f("-- Boot 0123456789abcdef0123456789abcdef --")
	f("-- Reboot --")
	f("-- No entries --")
	f("Starting nginx.service - A high performance web server and a reverse proxy server...")
	f("Started A high performance web server and a reverse proxy server.")
	f("Reloaded The nginx HTTP and reverse proxy server.")
	f("nginx.service: Deactivated successfully.")
	f(`nginx: [warn] conflicting server name "_" on 0.0.0.0:80, ignored`, `Level="warn"`, `Message="conflicting server name \"_\" on 0.0.0.0:80, ignored"`)
	f("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\r", `Level="emerg"`,
		`Message="bind() to 0.0.0.0:80 failed"`, `Errno=98`, `ErrnoText="Address already in use"`)
}

func TestNoChatter(t *testing.T) {
	for _, line := range []string{
		"", "-", "nginx", "nginx: ", "nginx: x", "nginx: [", "nginx: [warn", "nginx: [warn]", "nginx: [loud] x", "nginx: [] x",
		"docker-entrypoint.sh: x", "/docker-entrypoint.sh:x", " /docker-entrypoint.sh: x", "50-my-own.sh: connecting to db", "10-listen-on-ipv6-by-default.sh",
		"nginx: configuration file a", "nginx: the configuration file a test is successful?",
		"==> a", "==> a <== b", "== a <==", "---", "-- a --", "-- Boot", "--Boot 0 --", "Started app.service - nginx", "Start", "nginx.service", "Stopped",
		usualCombined, wholeErrorLine, `{"nginx":"/docker-entrypoint.sh: "}`,
	} {
		var r record.Record
		if IsChatter([]byte(line)) || ParseChatter([]byte(line), &r) || r.Dataset != record.Unparsed {
			t.Errorf("%q is chatter", line)
		}
	}
}
