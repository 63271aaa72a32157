package parser

import (
	"strings"
	"testing"

	"clearhop/record"
)

// TestOtherPeer: where nobody has named the columns and another value of the line may be
// the peer's address, $remote_addr is a guess.
func TestOtherPeer(t *testing.T) {
	set, err := newSet(Auto)
	if err != nil {
		t.Fatal(err)
	}
	f := func(guessed bool, line string) {
		t.Helper()
		var r record.Record
		if err := set.Parse([]byte(line), &r); err != nil {
			t.Errorf("%s: %v", line, err)
			return
		}
		if got := r.Access.Guessed.Has(record.LoggedRemoteAddr); got != guessed {
			t.Errorf("%s: $remote_addr is guessed: %t, want %t (%s)", line, got, guessed, strings.Join(dump(&r), " "))
		}
	}
	json := func(guessed bool, members string) {
		t.Helper()
		f(guessed, `{`+members+`,"request":"GET /a HTTP/1.1","status":200}`)
	}
	// Keys that nobody knows, beside one that is a convention.
	for _, key := range []string{"peer", "peer_ip", "src_ip", "addr", "socket_addr", "clientAddr", "client", "nlb", "x"} {
		json(true, `"client_ip":"203.0.113.9","`+key+`":"10.16.1.11"`)
		json(true, `"remote_ip":"203.0.113.9","`+key+`":"10.16.1.11"`)
	}
	json(true, `"client_ip":"203.0.113.9","net":{"peer":{"ip":"10.16.1.11"}}`)
	json(true, `"client_ip":"203.0.113.9","peer":"10.16.1.11:41000"`)
	json(true, `"client_ip":"203.0.113.9","peer":"fd00::11"`)
	json(true, `"client_ip":"2001:db8::7","peer":"2600:1f18::11"`)
	json(true, `"client_ip":"203.0.113.9","host":"10.16.1.11","vhost":"www.example.com"`)
	json(true, `"client_ip":"10.3.0.7","peer":"10.16.1.11"`)
	// Names in which a server's name stands before that of its peer.
	for _, key := range []string{"upstream_peer", "server_peer_ip", "backend.client", "local_remote_addr", "listener_downstream"} {
		json(true, `"client_ip":"203.0.113.9","`+key+`":"10.16.1.11"`)
	}
	// Arrays, also in objects, and objects in arrays.
	json(true, `"client_ip":"203.0.113.9","ips":["203.0.113.9","10.16.1.11"]`)
	json(true, `"client_ip":"203.0.113.9","net":{"peer":["10.16.1.11"]}`)
	json(true, `"client_ip":"203.0.113.9","net":{"a":[[ "x\"" , {"server":"www","peer" : "10.16.1.11:41000"}]]}`)
	json(false, `"client_ip":"203.0.113.9","ips":["203.0.113.9","-","",1,null]`)
	json(false, `"client_ip":"203.0.113.9","servers":["10.16.1.14"],"net":{"upstreams":["10.16.1.14"],"hops":[{"server_addr":"10.16.1.14"}]}`)
	json(false, `"client_ip":"203.0.113.9","texts":["from 10.16.1.11",{"10.16.1.11":"x"}]`)
	// Lists in one string, and addresses with a scheme or with the port of a service.
	json(true, `"client_ip":"203.0.113.9","chain":"203.0.113.9, 10.16.1.11"`)
	json(true, `"client_ip":"203.0.113.9","chain":"10.16.1.11,203.0.113.9"`)
	json(true, `"client_ip":"203.0.113.9","net":{"chain":"203.0.113.9, 10.16.1.11"}`)
	json(true, `"client_ip":"203.0.113.9","net":[{"chain":"203.0.113.9, 10.16.1.11:41000"}]`)
	json(true, `"client_ip":"203.0.113.9","from":"tcp://10.16.1.11:41000"`)
	json(true, `"client_ip":"203.0.113.9","peer":"tcp://10.16.1.11:443"`)
	json(true, `"client_ip":"203.0.113.9","peer":"10.16.1.11:443"`)
	json(true, `"client_ip":"203.0.113.9","net":{"peer":"tcp://[fd00::11]:443"}`)
	json(true, `"client_ip":"203.0.113.9","net":{"downstream":"10.16.1.11:443"}`)
	json(false, `"client_ip":"203.0.113.9","chain":"203.0.113.9, 203.0.113.9"`)
	json(false, `"client_ip":"203.0.113.9","chain":"203.0.113.9, see 10.16.1.11"`)
	json(false, `"client_ip":"203.0.113.9","to":"10.16.1.14:8080, 10.16.1.15:8080"`)
	json(false, `"client_ip":"203.0.113.9","origin":"http://10.16.1.14"`)
	json(false, `"client_ip":"203.0.113.9","server_chain":"203.0.113.9, 10.16.1.14"`)
	json(false, `"client_ip":"203.0.113.9","upstream_ip":"10.16.1.11","server":"10.16.1.11","destination":{"ip":"10.16.1.11"}`)
	// These say nothing of the peer.
	json(false, `"client_ip":"203.0.113.9"`)
	json(false, `"client_ip":"203.0.113.9","peer":"203.0.113.9:41000"`)
	json(false, `"client_ip":"203.0.113.9","peer":"-","other":""`)
	json(false, `"client_ip":"203.0.113.9","server_addr":"10.16.1.14","local_ip":"10.16.1.14","kubernetes":{"pod_ip":"10.16.1.14"}`)
	json(false, `"client_ip":"203.0.113.9","upstream":"10.16.1.14:8080","to":"10.16.1.14:8080"`)
	json(false, `"client_ip":"203.0.113.9","version":"10.16.1","text":"from 10.16.1.11"`)
	json(false, `"client_ip":"203.0.113.9","host":"10.16.1.11"`)
	json(false, `"remote_addr":"203.0.113.9","peer":"10.16.1.11"`)
	json(false, `"client_ip":"203.0.113.9","realip_remote_addr":"10.16.1.11","other":"10.16.1.14"`)

	f(true, "host:203.0.113.9\tpeer:10.16.1.11\treq:GET /a HTTP/1.1\tstatus:200")
	f(false, "host:203.0.113.9\tserver_addr:10.16.1.11\treq:GET /a HTTP/1.1\tstatus:200")

	const head = `203.0.113.9 - - [22/Nov/2026:11:00:24 +0000] "GET /a HTTP/1.1" 200 3 "-" "curl/8"`
	for _, extra := range []string{` "10.16.1.11"`, ` "203.0.113.9" "10.16.1.11"`, ` "-" "10.16.1.11"`, ` 10.16.1.11`, ` 0.012 10.16.1.11`, ` peer=10.16.1.11 rt=0.012`, ` "10.16.1.11:41000"`, ` fd00::11`} {
		f(true, head+extra)
	}
	for _, extra := range []string{``, ` "-"`, ` "203.0.113.9"`, ` "10.1.2.3, 203.0.113.9"`, ` "203.0.113.9, 10.16.1.13"`, ` 0.012`, ` 10.16.1.14:8080 0.012`, ` "203.0.113.9" "203.0.113.9"`} {
		f(false, head+extra)
	}
}

// TestOtherPeerDismissed: --json-key KEY=- says that a key is no peer, and
// --json-key KEY=remote_addr that a key is no guess.
func TestOtherPeerDismissed(t *testing.T) {
	f := func(keys map[string]string, guessed bool, want string) {
		t.Helper()
		format, err := NewJSON(keys)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		line := `{"client_ip":"203.0.113.9","net":{"peer":"10.16.1.11"},"request":"GET /a HTTP/1.1","status":200}`
		if err := format.Parse([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if got := r.Access.Guessed.Has(record.LoggedRemoteAddr); got != guessed || string(r.Access.RemoteAddr) != want {
			t.Errorf("%v: %s, guessed %t", keys, r.Access.RemoteAddr, got)
		}
	}
	f(nil, true, "203.0.113.9")
	f(map[string]string{"net.peer": "-"}, false, "203.0.113.9")
	f(map[string]string{"client_ip": "remote_addr"}, false, "203.0.113.9")
	f(map[string]string{"net.other": "-"}, true, "203.0.113.9")
	f(map[string]string{"net.peer": "remote_addr", "client_ip": "http_x_forwarded_for"}, false, "10.16.1.11")
	f(map[string]string{"net.peer": "realip_remote_addr"}, false, "203.0.113.9")
}
