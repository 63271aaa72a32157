package parser

import (
	"bytes"

	"clearhop/record"
)

// entrypoints are the beginnings of the lines of the nginx image's entrypoint.
// Scripts that others add to it are missing, because what they write may matter.
var entrypoints = [...]string{
	"/docker-entrypoint.sh: ",
	"10-listen-on-ipv6-by-default.sh: ",
	"15-local-resolvers.envsh: ",
	"20-envsubst-on-templates.sh: ",
	"30-tune-worker-processes.sh: ",
}

const (
	ownLine    = "nginx: "
	ownConfig  = "configuration file "
	ownConfig2 = "the configuration file "
)

// IsChatter reports whether line is known to belong to no log: the nginx image's
// entrypoint wrote it, or nginx wrote it to the terminal at its start, or a viewer of
// logs wrote it between the lines, or systemd says what became of nginx.
func IsChatter(line []byte) bool {
	if isHeading(line) || isUnitState(line) {
		return true
	}
	for _, start := range entrypoints {
		if bytes.HasPrefix(line, []byte(start)) {
			return true
		}
	}
	rest, ok := bytes.CutPrefix(line, []byte(ownLine))
	if !ok {
		return false
	}
	if _, _, ok := cutLevel(rest); ok {
		return true
	}
	rest = bytes.TrimRight(rest, "\r\n")
	return bytes.HasPrefix(rest, []byte(ownConfig2)) && bytes.HasSuffix(rest, []byte(" syntax is ok")) ||
		bytes.HasPrefix(rest, []byte(ownConfig)) &&
			(bytes.HasSuffix(rest, []byte(" test is successful")) || bytes.HasSuffix(rest, []byte(" test failed")))
}

// isHeading reports whether a viewer of logs wrote a line:
//
//	==> /var/log/nginx/access.log <==          tail and head of several files
//	--                                         grep, between groups of lines
//	-- Boot 0123456789abcdef0123456789abcdef --    journalctl
//	-- Journal begins at Sun 2026-11-22 10:00:00 UTC, ends at … --
func isHeading(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if rest, ok := bytes.CutPrefix(line, []byte("==> ")); ok {
		return bytes.HasSuffix(rest, []byte(" <=="))
	}
	if !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	if len(line) == len("--") {
		return true
	}
	rest, ok := bytes.CutSuffix(line, []byte(" --"))
	if !ok {
		return false
	}
	for _, begin := range [...]string{"-- Journal begins at ", "-- Logs begin at ", "-- Boot ", "-- Reboot", "-- No entries"} {
		if bytes.HasPrefix(rest, []byte(begin)) {
			return true
		}
	}
	return false
}

// isUnitState reports whether systemd wrote a line about the service nginx, as journalctl
// -u nginx shows it behind the envelope:
//
//	Started nginx.service - A high performance web server and a reverse proxy server.
//	nginx.service: Deactivated successfully.
func isUnitState(line []byte) bool {
	if len(line) == 0 || line[0] != 'n' && line[0] != 'S' && line[0] != 'R' {
		return false
	}
	if bytes.HasPrefix(line, []byte("nginx.service: ")) {
		return true
	}
	for _, begin := range [...]string{"Starting ", "Started ", "Stopping ", "Stopped ", "Reloading ", "Reloaded "} {
		if rest, ok := bytes.CutPrefix(line, []byte(begin)); ok {
			return bytes.HasPrefix(rest, []byte("nginx")) || bytes.HasPrefix(rest, []byte("A high performance web server")) ||
				bytes.HasPrefix(rest, []byte("The nginx HTTP and reverse proxy server"))
		}
	}
	return false
}

// ParseChatter reports whether line IsChatter. If it is, r.Dataset becomes OtherLine.
// For a line such as "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address
// already in use)", it also reads level, message and errno into r.Error. Such lines
// have no time.
func ParseChatter(line []byte, r *record.Record) bool {
	if !IsChatter(line) {
		return false
	}
	r.Dataset = record.OtherLine
	if rest, ok := bytes.CutPrefix(line, []byte(ownLine)); ok {
		if level, message, ok := cutLevel(rest); ok {
			r.Error.Level = level
			r.Error.Message, r.Error.Errno, r.Error.ErrnoText = cutErrno(bytes.TrimRight(message, "\r\n"))
		}
	}
	return true
}

// cutLevel splits "[emerg] " from the start of text.
func cutLevel(text []byte) (level, rest []byte, ok bool) {
	text, ok = bytes.CutPrefix(text, []byte("["))
	if !ok {
		return nil, nil, false
	}
	n := bytes.IndexByte(text[:min(len(text), len("notice]"))], ']')
	if n < 0 || !isErrorLevel(text[:n]) || !bytes.HasPrefix(text[n:], []byte("] ")) {
		return nil, nil, false
	}
	return text[:n], text[n+len("] "):], true
}
