package infer_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"clearhop/internal/nginxtest"
	"clearhop/parser"
	"clearhop/parser/infer"
	"clearhop/record"
)

// corpusConf writes all requests in each format, one log for each of two servers: one
// that sees the clients, and one that sees the edge.
const corpusConf = `
events {}
http {
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	include %[1]s;
	set_real_ip_from 127.0.0.1;
	real_ip_header X-Sim;
	server { listen 127.0.0.1:%[2]d; server_name www.example.com; gzip on; gzip_min_length 1; gzip_types *; location / { %[5]s return 200 "hello hello hello\n"; } location /api { %[5]s proxy_pass http://127.0.0.1:%[4]d; } location /gone { %[5]s return 304; } %[5]s }
	server { listen 127.0.0.1:%[3]d; server_name www.example.com; location / { %[6]s return 200 "hello\n"; } location /api { %[6]s proxy_pass http://127.0.0.1:%[4]d; } location /gone { %[6]s return 304; } %[6]s }
	server { listen 127.0.0.1:%[4]d; access_log off; location / { return 200 "up\n"; } }
}
`

var agents = []string{
	"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
	"curl/8.5.0", "ELB-HealthChecker/2.0", `odd "agent" \ with a = b; c`, "",
}

// visits are the requests of one server: the address that nginx sees, and the header.
func visits(behindEdge bool) []string {
	var all []string
	for i := range 40 {
		client := fmt.Sprintf("203.0.113.%d", 1+i%20)
		if i%5 == 4 {
			client = fmt.Sprintf("2001:db8::%x", 1+i)
		}
		var headers []string
		add := func(name, value string) { headers = append(headers, name+": "+value) }
		peer := client
		if behindEdge {
			peer = "10.16.1.13"
			if i%2 == 1 {
				peer = "10.16.2.13"
			}
			list := client
			if i%7 == 3 {
				list = "198.51.100.9, " + client
			}
			add("X-Forwarded-For", list)
			add("X-Real-IP", client)
		} else if i%13 == 5 {
			add("X-Forwarded-For", "198.51.100.66")
		}
		if strings.Contains(peer, ":") {
			peer = "[" + peer + "]"
		}
		add("X-Sim", peer+":4711")
		if agent := agents[i%len(agents)]; agent != "" {
			add("User-Agent", agent)
		}
		if i%3 == 0 {
			add("Referer", "https://www.example.com/from?x=1")
		}
		if i%4 == 1 {
			add("Cookie", fmt.Sprintf("sid=%d; theme=dark", i))
		}
		if i%9 == 2 {
			add("Authorization", "Basic YW5uYTpzZWNyZXQ=")
		}
		if i%8 == 6 {
			add("X-Any", "198.51.100.77")
		}
		if i%2 == 0 {
			add("Accept-Encoding", "gzip")
		}
		method, path, body := "GET", fmt.Sprintf("/page/%d?q=%d", i, i), ""
		switch {
		case i%6 == 1:
			path = "/api/things"
		case i%10 == 7:
			method, path, body = "POST", "/api/form", "a=198.51.100.88"
		case i%10 == 3:
			path = "/gone"
		case i%10 == 9:
			method = "HEAD"
		}
		host := "www.example.com"
		if i%11 == 8 {
			host = "198.51.100.5"
		}
		text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", method, path, host, strings.Join(headers, "\r\n"))
		if body != "" {
			text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		all = append(all, text+"\r\n"+body)
	}
	return append(all, "\x16\x03\x01\x02\x00\x01\r\n\r\n")
}

// corpus has the lines that real nginx wrote in each format, by server.
func corpus(t *testing.T) (formats []*parser.Format, logs [2]map[string][]string) {
	t.Helper()
	file, err := filepath.Abs("testdata/formats.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf, err := parser.ReadConf(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var outputs [2]strings.Builder
	for _, f := range conf.Formats {
		for i := range outputs {
			fmt.Fprintf(&outputs[i], "access_log %s/%s.%d %s;\n", dir, f.Name(), i, f.Name())
		}
	}
	ports := nginxtest.Start(t, dir, 3, func(ports []int) string {
		return fmt.Sprintf(corpusConf, file, ports[0], ports[1], ports[2], outputs[0].String(), outputs[1].String())
	})
	for i := range logs {
		requests := visits(i == 1)
		for _, text := range requests {
			send(t, ports[i], text)
		}
		logs[i] = map[string][]string{}
		for _, f := range conf.Formats {
			logs[i][f.Name()] = read(t, fmt.Sprintf("%s/%s.%d", dir, f.Name(), i), len(requests))
		}
	}
	return conf.Formats, logs
}

func send(t *testing.T, port int, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // nginx may reset the connection of a bad request
}

func read(t *testing.T, file string, n int) []string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"); len(lines) == n {
			return lines
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has not %d lines", file, n)
		}
	}
}

// TestCorpus: auto with inference reads nearly all lines of public formats, each value
// in a field of its own is the variable's, and no header that is a guess is certain.
func TestCorpus(t *testing.T) {
	formats, logs := corpus(t)
	set, err := parser.NewSet(parser.SetConfig{Formats: []string{parser.Auto}})
	if err != nil {
		t.Fatal(err)
	}
	var lines, readLines [2]int // of the formats that inference was tried on, and of those held out
	var alone int
	for i, truth := range formats {
		for server := range logs {
			log := logs[server][truth.Name()]
			plan := infer.Decide(set.Clone(), log, infer.Nodes{})
			reader := plan.Set.Clone()
			good := 0
			wrong := map[string]string{}
			for _, line := range log {
				var want, got record.Record
				if truth.Parse([]byte(line), &want) != nil {
					good++ // IPv6 with a port and no brackets, which nobody can read
					continue
				}
				if set.Clone().Parse([]byte(line), &record.Record{}) == nil {
					alone++
				}
				if err := reader.Parse([]byte(line), &got); err != nil {
					continue
				}
				good++
				compare(wrong, &want, &got)
			}
			lines[i%2] += len(log)
			readLines[i%2] += good
			text := ""
			if plan.Taken {
				text = plan.Inferred.Text
			}
			if testing.Verbose() || good*100 < len(log)*90 {
				t.Logf("%d %s.%d: %d of %d, %v %s", i%2, truth.Name(), server, good, len(log), plan.Formats, text)
			}
			for name, example := range wrong {
				t.Errorf("%s.%d: %s is wrong: %s\n%s", truth.Name(), server, name, example, text)
			}
		}
	}
	for half, name := range []string{"tried", "held out"} {
		t.Logf("%s: %d of %d lines are read", name, readLines[half], lines[half])
		if readLines[half]*100 < lines[half]*95 {
			t.Errorf("%s: only %d of %d lines are read", name, readLines[half], lines[half])
		}
	}
	t.Logf("without inference: %d of %d", alone, lines[0]+lines[1])
}

// compare finds fields of got that hold another value than those of want.
func compare(wrong map[string]string, want, got *record.Record) {
	// $request_method $uri $server_protocol looks like $request, and $uri like
	// $request_uri.
	if want.Access.RequestTarget == nil && want.Access.URI != nil {
		got.Access.URI, got.Access.RequestTarget = got.Access.RequestTarget, nil
	}
	if string(got.Access.BadRequest) == "- - -" {
		got.Access.BadRequest, got.Access.Request = nil, nil
	}
	// These two are as they were logged; what they say is in the other fields.
	got.Access.Forwarded = nil
	if want.Access.Request == nil {
		got.Access.Request = nil
	}
	// A guess may be wrong, as long as it is marked as one.
	for variable, field := range map[record.Logged]*[]byte{
		record.LoggedRemoteAddr: &got.Access.RemoteAddr, record.LoggedXForwardedFor: &got.Access.XForwardedFor, record.LoggedXRealIP: &got.Access.XRealIP,
	} {
		if got.Access.Guessed.Has(variable) {
			*field = nil
		}
	}
	w, g := reflect.ValueOf(want.Access), reflect.ValueOf(got.Access)
	for i := range g.NumField() {
		name := g.Type().Field(i).Name
		switch x := g.Field(i).Interface().(type) {
		case []byte:
			if y := w.Field(i).Bytes(); x != nil && !bytes.Equal(x, y) {
				wrong[name] = fmt.Sprintf("%q, not %q", x, y)
			}
		case record.Int:
			if y := w.Field(i).Interface(); x.Valid && x != y {
				wrong[name] = fmt.Sprintf("%v, not %v", x, y)
			}
		case []record.Upstream:
			for k := range x {
				if y := want.Access.Upstream; k >= len(y) {
					wrong[name] = fmt.Sprintf("%v", x)
				} else if u := x[k]; u.Address != nil && !bytes.Equal(u.Address, y[k].Address) || u.Status.Valid && u.Status != y[k].Status ||
					u.ResponseTime.Valid && u.ResponseTime != y[k].ResponseTime || u.ConnectTime.Valid && u.ConnectTime != y[k].ConnectTime {
					wrong[name] = fmt.Sprintf("%v, not %v", u, y[k])
				}
			}
		}
	}
	if got.HasTimestamp && want.HasTimestamp && got.Timestamp/1000 != want.Timestamp/1000 {
		wrong["time"] = fmt.Sprint(got.Timestamp, want.Timestamp)
	}
}
