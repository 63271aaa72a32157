package hop

import (
	"bytes"
	"fmt"
	"strings"
)

// A Header is one line of a request's header.
type Header struct{ Name, Value string }

// A Request is what nginx reads of the bytes of a connection.
type Request struct {
	Line     string // the request line
	Method   string
	Target   string // as it was sent
	Protocol string // HTTP/1.1; "" for HTTP/0.9
	Headers  []Header
	// Refused is the status with which nginx refuses the request while it reads it, or
	// 0. Its realip module has not run then.
	Refused int
	// Quiet says that the connection ended before nginx had a request to log.
	Quiet bool
}

// Path returns the target without its query, decoded as far as a location needs.
func (r *Request) Path() string {
	path, _, _ := strings.Cut(r.Target, "?")
	if i := strings.Index(path, "://"); i > 0 { // the absolute form
		rest := path[i+3:]
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			return rest[slash:]
		}
		return "/"
	}
	return path
}

// Values returns the values of the lines of one header, in their order. name is in lower
// case.
func (r *Request) Values(name string) []string {
	var all []string
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, h.Value)
		}
	}
	return all
}

// The sizes of nginx's buffers for a request, which large_client_header_buffers changes.
const largeBuffer = 8 << 10

// The statuses with which nginx refuses a request while it reads it.
const (
	badRequest     = 400
	notAllowed     = 405
	timedOut       = 408
	uriTooLarge    = 414
	headerTooLarge = 494
	notImplemented = 501
	badVersion     = 505
)

// ReadRequest reads the first request of text, and returns what follows it. It refuses
// what nginx refuses. A request that does not end is one for which nginx waits until its
// time is over.
func ReadRequest(text []byte) (Request, []byte) {
	text = bytes.TrimLeft(text, "\r\n")
	if len(text) == 0 {
		return Request{Quiet: true}, nil
	}
	var r Request
	line, rest, ended := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	r.Line = string(line)
	if len(line) > largeBuffer {
		r.Refused = uriTooLarge
		return r, nil
	}
	if r.Refused = r.readLine(); r.Refused != 0 {
		return r, nil
	}
	if !ended {
		r.Refused = timedOut
		return r, nil
	}
	if r.Protocol == "" {
		return r, nil // HTTP/0.9 has no headers
	}
	rest, status := r.readHeaders(rest)
	if r.Refused = status; status == 0 {
		r.Refused = r.check()
	}
	if r.Refused != 0 {
		return r, nil
	}
	return r, rest
}

// readLine takes the request line apart, and returns the status if nginx refuses it.
func (r *Request) readLine() int {
	method, rest, ok := strings.Cut(r.Line, " ")
	if !ok || method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" {
		return badRequest
	}
	rest = strings.TrimLeft(rest, " ")
	target, protocol, _ := strings.Cut(rest, " ")
	if !isTarget(target, method) {
		return badRequest
	}
	r.Method, r.Target, r.Protocol = method, target, strings.Trim(protocol, " ")
	if r.Protocol == "" {
		if method != "GET" {
			return badRequest
		}
		return 0
	}
	var major, minor int
	if n, err := fmt.Sscanf(r.Protocol, "HTTP/%d.%d", &major, &minor); err != nil || n != 2 || major < 1 {
		return badRequest
	}
	if major > 1 {
		return badVersion
	}
	return 0
}

// isTarget reports whether nginx takes a text for the target of a request.
func isTarget(target, method string) bool {
	if target == "" || strings.IndexFunc(target, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0 {
		return false
	}
	if target[0] == '/' {
		return true
	}
	scheme, rest, ok := strings.Cut(target, "://")
	isName := strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
	return ok && isName && scheme != "" && rest != "" || method == "CONNECT"
}

// readHeaders reads the lines of the header. It returns what follows them, and the status
// with which nginx refuses them.
func (r *Request) readHeaders(text []byte) (rest []byte, status int) {
	for {
		line, more, ended := bytes.Cut(text, []byte("\n"))
		if len(line) > largeBuffer {
			return nil, headerTooLarge
		}
		if !ended {
			return nil, timedOut
		}
		text = more
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return text, 0
		}
		name, value, ok := strings.Cut(string(line), ":")
		if !ok || name == "" {
			if ok {
				return nil, badRequest
			}
			continue // nginx skips a line that is no header
		}
		if !isHeaderName(name) {
			if strings.ContainsAny(name, " \x00\t") {
				return nil, badRequest
			}
			continue // ignore_invalid_headers
		}
		if status := r.checkHeader(name, strings.Trim(value, " ")); status != 0 {
			return nil, status
		}
		r.Headers = append(r.Headers, Header{name, strings.Trim(value, " ")})
	}
}

// isHeaderName reports whether nginx passes a header of that name on. It drops those with
// an underscore.
func isHeaderName(name string) bool {
	return strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// checkHeader returns the status if nginx refuses a line of the header as it reads it.
func (r *Request) checkHeader(name, value string) int {
	switch strings.ToLower(name) {
	case "host":
		if len(r.Values("host")) > 0 || !isHost(value) {
			return badRequest
		}
	case "content-length", "transfer-encoding":
		if len(r.Values(name)) > 0 {
			return badRequest
		}
	}
	return 0
}

func isHost(value string) bool {
	return value != "" && !strings.ContainsAny(value, " /\x00\\") && strings.IndexFunc(value, func(c rune) bool { return c <= ' ' || c == 0x7f }) < 0
}

// check returns the status if nginx refuses the whole header.
func (r *Request) check() int {
	if r.Protocol == "HTTP/1.1" && len(r.Values("host")) == 0 {
		return badRequest
	}
	for _, length := range r.Values("content-length") {
		if length == "" || strings.Trim(length, "0123456789") != "" {
			return badRequest
		}
	}
	for _, encoding := range r.Values("transfer-encoding") {
		if !strings.EqualFold(encoding, "chunked") {
			return notImplemented
		}
	}
	if r.Method == "TRACE" || r.Method == "CONNECT" {
		return notAllowed
	}
	return 0
}
