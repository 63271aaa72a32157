package hop

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"clearhop/enrich/clientip"
	"clearhop/nginxconf"
)

// answer takes a request through nginx's phases, as far as they decide what is logged and
// passed on.
func (x *Exchange) answer() {
	server := x.server.Level
	x.Level = server
	if x.Request.Refused != 0 {
		x.refuse()
		return
	}
	x.realip(server) // the phase POST_READ
	if x.rewrite(server) {
		return
	}
	x.Level = x.location(server, x.Request.Path())
	if x.Level != server && x.rewrite(x.Level) {
		return
	}
	if x.Level.Own("internal") != nil {
		x.Status = 404
		return
	}
	x.realip(x.Level) // the phase PREACCESS
	x.pass()
}

// refuse answers a request that nginx refuses while it reads it. Its realip module runs
// only if an error page leads to a location that serves a file.
func (x *Exchange) refuse() {
	page := x.server.Level.ErrorPage(x.Request.Refused)
	status := x.Request.Refused
	if status == headerTooLarge {
		status = badRequest // so nginx answers and logs it
	}
	x.Status = status
	if page == "" || !strings.HasPrefix(page, "/") {
		return
	}
	x.Level = x.location(x.server.Level, page)
	if x.rewrite(x.server.Level) || x.Level != x.server.Level && x.rewrite(x.Level) {
		x.Status = status
		return
	}
	x.realip(x.Level)
}

// realip is nginx's realip module.
func (x *Exchange) realip(l *nginxconf.Level) {
	if x.replaced || len(l.Trusted()) == 0 {
		return
	}
	header, d := "X-Real-IP", l.Setting("real_ip_header")
	if d != nil {
		header = d.Arg(0)
	}
	recursive, _ := l.IsRecursive()
	var values []string
	switch name := strings.ToLower(header); {
	case header == "proxy_protocol":
		if x.proxy.Client.IsValid() {
			values = []string{x.proxy.Client.String()}
		}
	case x.doubtful[name] != "":
		if _, believed := x.nginx.walk(l, x.peer, []string{"192.0.2.1"}, false); believed {
			x.remoteUnknown = x.doubtful[name]
			x.noteUnknown(d.At(), x.doubtful[name])
		}
		return
	case header == "X-Forwarded-For":
		values = x.Request.Values(name)
	default: // the first line only
		if values = x.Request.Values(name); len(values) > 1 {
			values = values[:1]
		}
	}
	if len(values) == 0 {
		return
	}
	x.noteNames(l)
	if addr, ok := x.nginx.walk(l, x.peer, values, recursive); ok {
		x.remote, x.replaced = addr, true
	}
}

// noteNames notes addresses that are given by name: nginx looks them up when it starts.
func (x *Exchange) noteNames(l *nginxconf.Level) {
	for _, t := range l.Trusted() {
		if t.IsName() {
			x.noteUnknown(t.At(), "the addresses of "+t.Text+", which nginx looks up when it starts")
		}
	}
}

// walk is the realip module's walk over a header, with the trust of a level.
func (n *Nginx) walk(l *nginxconf.Level, peer netip.Addr, lines []string, recursive bool) (netip.Addr, bool) {
	var trusted clientip.Addresses
	for _, t := range l.Trusted() {
		trusted.Unix = trusted.Unix || t.Unix
		if t.Prefix.IsValid() && !t.Prefix.Addr().Is4In6() {
			trusted.Prefixes = append(trusted.Prefixes, t.Prefix)
		}
	}
	r, err := clientip.New(clientip.Config{Trusted: trusted, Complete: true})
	if err != nil {
		return peer, false // no prefix that NewTrust reads is wrong
	}
	values := make([][]byte, len(lines))
	for i, line := range lines {
		values[i] = []byte(line)
	}
	return r.WalkLines(peer, values, recursive)
}

// rewrite runs set, if and return of a level. It reports whether the request is answered.
func (x *Exchange) rewrite(l *nginxconf.Level) bool {
	x.rewriting = true
	defer func() { x.rewriting = false }()
	for _, d := range l.Block {
		switch d.Name {
		case "set":
			if len(d.Args) == 2 {
				x.set[strings.TrimPrefix(d.Args[0], "$")] = x.Expand(d.Args[1])
			}
		case "return":
			x.Status = statusOf(d)
			return true
		case "rewrite":
			x.noteUnknown(d.At(), "a rewrite may lead to another location")
		case "if":
			holds, known := x.holds(d.Args)
			if !known {
				x.noteUnknown(d.At(), "whether this condition holds")
			}
			if holds && x.rewrite(&nginxconf.Level{Directive: d, Parent: l}) {
				return true
			}
		}
	}
	return false
}

func statusOf(d *nginxconf.Directive) int {
	status, err := strconv.Atoi(d.Arg(0))
	if err != nil {
		return 302 // return URL
	}
	return status
}

// holds evaluates the condition of an if.
func (x *Exchange) holds(args []string) (holds, known bool) {
	words := strings.Fields(strings.Trim(strings.Join(args, " "), "()"))
	if len(words) == 0 || !strings.HasPrefix(words[0], "$") {
		return false, false
	}
	v := x.Variable(words[0][1:])
	switch {
	case v.Unknown != "":
		return false, false
	case len(words) == 1:
		return v.Text != "" && v.Text != "0", true
	case len(words) != 3:
		return false, false
	}
	operator, pattern := words[1], words[2]
	switch operator {
	case "=":
		return v.Text == pattern, true
	case "!=":
		return v.Text != pattern, true
	}
	negated := strings.HasPrefix(operator, "!")
	operator = strings.TrimPrefix(operator, "!")
	if operator != "~" && operator != "~*" {
		return false, false
	}
	matches, ok := match(pattern, operator == "~*", v.Text)
	return matches != negated, ok
}

// match reports whether a text matches a regular expression of nginx. ok is false where
// Go cannot read the expression.
func match(pattern string, fold bool, text string) (matches, ok bool) {
	if fold {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text), err == nil
}

// location finds the location of a path, as nginx does: the exact one, or else the first
// regular expression that matches, or else the longest prefix.
func (x *Exchange) location(l *nginxconf.Level, path string) *nginxconf.Level {
	exact, longest := prefixLocation(l, path)
	if exact != nil {
		return exact
	}
	inner := l
	if longest != nil {
		inner = x.location(longest, path)
		if inner != longest && isRegexp(inner) || longest.Arg(0) == "^~" && len(longest.Args) == 2 {
			return inner
		}
	}
	if found := x.regexpLocation(l, path); found != nil {
		return found
	}
	return inner
}

// prefixLocation returns the location of exactly this path, or else the one with the
// longest prefix of it.
func prefixLocation(l *nginxconf.Level, path string) (exact, longest *nginxconf.Level) {
	for _, one := range l.Locations {
		modifier, prefix := one.Arg(0), one.Arg(0)
		if len(one.Args) == 2 {
			prefix = one.Arg(1)
		}
		switch {
		case modifier == "=" && len(one.Args) == 2:
			if prefix == path {
				return one, nil
			}
		case strings.HasPrefix(modifier, "~"), strings.HasPrefix(modifier, "@"):
		case strings.HasPrefix(path, prefix) && (longest == nil || len(prefix) > len(longest.Args[len(longest.Args)-1])):
			longest = one
		}
	}
	return nil, longest
}

func isRegexp(l *nginxconf.Level) bool { return len(l.Args) == 2 && strings.HasPrefix(l.Args[0], "~") }

func (x *Exchange) regexpLocation(l *nginxconf.Level, path string) *nginxconf.Level {
	for _, one := range l.Locations {
		if !isRegexp(one) {
			continue
		}
		matches, ok := match(one.Arg(1), one.Arg(0) == "~*", path)
		if !ok {
			x.noteUnknown(one.At(), "whether this location matches")
		}
		if matches {
			return x.location(one, path)
		}
	}
	return nil
}
