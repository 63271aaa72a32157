package parser

import (
	"strings"
	"testing"

	"clearhop/record"
)

// TestForgeable: a format is warned of where a visitor writes what nginx does not escape,
// or the beginning of the line.
func TestForgeable(t *testing.T) {
	for format, want := range map[string]string{
		`log_format a '$remote_addr [$time_local] "$request" $status';`:                         "",
		`log_format a escape=json '{"time":"$time_iso8601","request":"$request"}';`:             "",
		`log_format a escape=none '$remote_addr [$time_local] "$request" $status';`:             "escape=none",
		`log_format a '$http_x_forwarded_for - [$time_local] "$request" $status';`:              "without quotes,$http_x_forwarded_for",
		`log_format a '$host $remote_addr [$time_local] "$request" $status';`:                   "$host",
		`log_format a '$hostname $remote_addr [$time_local] "$request" $status';`:               "",
		`log_format a '"$http_x_forwarded_for" $remote_addr [$time_local] "$request" $status';`: "",
		`log_format a '$request_time $remote_addr [$time_local] "$request" $status';`:           "",
		`log_format a '$proxy_add_x_forwarded_for $remote_addr [$time_local] "$request"';`:      "without quotes,$proxy_add_x_forwarded_for",
		`log_format a escape=none '$cookie_id $remote_addr [$time_local] "$request" $status';`:  "escape=none,$cookie_id",
	} {
		f, err := Compile(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		got := f.Forgeable()
		if want == "" {
			if len(got) > 0 {
				t.Errorf("%s: %q", format, got)
			}
			continue
		}
		parts := strings.Split(want, ",")
		if len(got) != len(parts) {
			t.Fatalf("%s: %q", format, got)
		}
		for i, part := range parts {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: %q does not name %s", format, got[i], part)
			}
		}
	}
}

// TestForgeableColumns: which addresses a visitor can write, in each format.
func TestForgeableColumns(t *testing.T) {
	const (
		remote = record.LoggedRemoteAddr
		realip = record.LoggedRealipRemoteAddr
		proxy  = record.LoggedProxyProtocolAddr
		xff    = record.LoggedXForwardedFor
		xri    = record.LoggedXRealIP
	)
	f := func(format string, want record.Logged) {
		t.Helper()
		compiled, err := Compile(format)
		if err != nil {
			t.Fatal(err)
		}
		if got := compiled.forgeable; got != want {
			t.Errorf("%s: %b, want %b", format, got, want)
		}
	}
	for _, name := range BuiltinNames() {
		if directive, _ := Builtin(name); !strings.Contains(directive, "$proxy_add_x_forwarded_for") && !strings.Contains(directive, "$the_real_ip") {
			f(directive, 0)
		}
	}
	// Quotes end what a visitor sends, and so does the next quote behind bare text.
	f(`log_format a '$remote_addr $http_x_request_id [$time_local] "$request" "$http_x_forwarded_for" $realip_remote_addr';`, 0)
	f(`log_format a '"$http_x_forwarded_for" $remote_addr [$time_local] "$request" $status';`, 0)
	f(`log_format a '$host $remote_addr [$time_local] "$request" $status';`, 0)
	f(`log_format a '$remote_addr "$request" $status $http_x_forwarded_for';`, 0)
	f(`log_format a escape=json '{"user":"$remote_user","ip":"$remote_addr","request":"$request"}';`, 0)
	// Bare text does not end.
	f(`log_format a '$http_x_forwarded_for - $remote_addr [$time_local] "$request" $status';`, xff|remote)
	f(`log_format a '$http_user_agent $remote_addr $proxy_protocol_addr "$request" $realip_remote_addr';`, remote|proxy)
	f(`log_format a '$remote_addr $status $http_x_forwarded_for $request_time';`, xff)
	f(`log_format a '$host|$remote_addr|"$request"';`, remote)
	f(`log_format a '$proxy_add_x_forwarded_for - $remote_user [$time_local] "$request"';`, xff|remote)
	// With escape=none quotes are a visitor's too.
	f(`log_format a escape=none '$remote_addr [$time_local] "$request" $status "$http_x_forwarded_for" $realip_remote_addr';`, xff|realip)
	f(`log_format a escape=none '$remote_addr $realip_remote_addr $proxy_protocol_addr [$time_local] "$request" "$http_x_real_ip"';`, xri)
	f(`log_format a escape=none '{"t":"$time_iso8601","ua":"$http_user_agent","remote_addr":"$remote_addr"}';`, remote)
	f(`log_format a escape=none '$remote_addr $status $upstream_addr $http_user_agent $remote_addr';`, remote)
	f(`log_format a escape=none '$remote_addr $status $request_time';`, 0)
	f(`log_format a escape=none '$host $remote_addr $status';`, remote)
	// What is decoded, and what nobody knows, can begin a line.
	f(`log_format a escape=none '$remote_addr - $remote_user [$time_local] "$request" $status';`, remote)
	f(`log_format a escape=none '$remote_addr $realip_remote_addr $uri';`, remote|realip)
	f(`log_format a escape=none '$remote_addr $request_body';`, remote)
	f(`log_format a escape=none '$remote_addr $my_own';`, remote)
}
