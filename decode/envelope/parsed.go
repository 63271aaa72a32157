package envelope

import (
	"clearhop/internal/jsonscan"
	"clearhop/record"
)

// openParsed opens a record of a log router that has parsed the line itself, so that
// no member holds the line. Either the values of the line stand among the router's
// own members, or in an object that is one of them:
//
//	{"remote":"203.0.113.9","method":"GET","code":"200","container_name":"nginx","ecs_cluster":"shop"}
//	{"nginx":{"remote_addr":"203.0.113.9","status":"200"},"kubernetes":{"pod_name":"web-0"}}
//
// The inner line is an object of JSON without the router's members.
func (o *object) openParsed(text, scratch []byte, e *record.Envelope) (inner, newScratch []byte, ok bool) {
	if !o.routed {
		return openIngress(text, scratch, e, o)
	}
	if o.access {
		inner, scratch = withoutRouter(text, scratch)
	} else if inner, ok = accessObject(text); !ok {
		return text, scratch, false
	} else if hostIsPeer(inner) {
		inner, scratch = withoutRouter(inner, scratch)
	}
	add(e, o.kind(true))
	return inner, o.describe(scratch, e), true
}

// openIngress opens a record that no router has added anything to, but that a parser of
// Fluent Bit made of the line: the one for ingress-nginx, or the one for combined. The
// inner line has $remote_addr under a name of its own.
func openIngress(text, scratch []byte, e *record.Envelope, o *object) (inner, newScratch []byte, ok bool) {
	if !o.access || !hostIsPeer(text) || !isOfParser(text) {
		return text, scratch, false
	}
	inner, scratch = withoutRouter(text, scratch)
	add(e, record.FluentBit)
	return inner, o.describe(scratch, e), true
}

// isOfParser reports whether an object has no members but those of the parsers of Fluent
// Bit, among them the user agent, and those of routers. Any other member says that nginx
// wrote the object, where host is what the visitor asked for.
func isOfParser(raw []byte) bool {
	agent := false
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, _, ok := s.Member(true); ok; key, _, ok = s.Member(false) {
		switch string(key) {
		case "agent":
			agent = true
		case "host", "user", "method", "path", "code", "size", "referer", "request_length", "request_time",
			"proxy_upstream_name", "proxy_alternative_upstream_name", "upstream_addr", "upstream_response_length",
			"upstream_response_time", "upstream_status", "reg_id", "req_id":
		default:
			if lookUpKey(key) == nil {
				return false
			}
		}
	}
	return agent && s.Err == nil
}

// withoutRouter copies an object into the scratch space, without the members that a
// log router has added. The text is known to be an object of JSON.
func withoutRouter(text, scratch []byte) (inner, newScratch []byte) {
	start := len(scratch)
	peer := hostIsPeer(text)
	scratch = append(scratch, '{')
	s := jsonscan.Scanner{B: text}
	s.Enter('{')
	for first := true; ; first = false {
		raw, escaped, more := s.RawKey(first)
		if !more {
			break
		}
		at := s.I
		v, ok := s.Value()
		if !ok {
			break
		}
		if !escaped && isOfRouter(raw, v) {
			continue
		}
		if len(scratch) > start+1 {
			scratch = append(scratch, ',')
		}
		if peer && string(raw) == "host" {
			raw = remote
		}
		scratch = append(append(append(scratch, '"'), raw...), '"', ':')
		scratch = append(scratch, text[at:s.I]...)
	}
	scratch = append(scratch, '}')
	end := len(scratch)
	return scratch[start:end:end], scratch
}

// isOfRouter reports whether a log router wrote a member of a record.
func isOfRouter(key []byte, v jsonscan.Value) bool {
	if string(key) == "ec2_instance_id" {
		return true
	}
	known := lookUpKey(key)
	if known == nil {
		return false
	}
	switch known.slot {
	case slotStream, slotSource:
		return isStream(v.Raw)
	case slotKubernetes:
		return v.Kind == jsonscan.Object
	case slotTag, slotPartial, slotPartialLast:
		return true
	}
	return known.writer == byRouter || known.writer == byECSRouter
}

// accessObject returns the first member of an object that is itself an object with a
// key of an access log.
func accessObject(text []byte) (inner []byte, ok bool) {
	s := jsonscan.Scanner{B: text}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		if v.Kind == jsonscan.Object && lookUpKey(key) == nil && hasAccessKey(v.Raw) {
			return v.Raw, true
		}
	}
	return nil, false
}

// hasAccessKey reports whether an object has a key of an access log.
func hasAccessKey(raw []byte) bool {
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		if isAccessKey(key, v) {
			return true
		}
	}
	return false
}

var remote = []byte("remote")

// hostIsPeer reports whether a parser of Fluent Bit made the object that puts
// $remote_addr into the member host: its parser for ingress-nginx does. In objects of
// nginx itself, host is what the visitor asked for.
func hostIsPeer(raw []byte) bool {
	var host jsonscan.Value
	own := 0 // of the members that the parser always writes
	s := jsonscan.Scanner{B: raw}
	s.Enter('{')
	for key, v, ok := s.Member(true); ok; key, v, ok = s.Member(false) {
		switch string(key) {
		case "host":
			host = v
		case "user", "method", "path", "code", "size":
			own++
		case "remote", "remote_addr", "client", "client_ip", "status", "request":
			return false
		}
	}
	return own == 5 && host.Kind == jsonscan.Text && isAddress(host.Raw)
}
