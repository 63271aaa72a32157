package infer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"clearhop/parser"
)

// A namer finds the variables of columns. Its steps come in their order: each names
// columns that have no name yet, and no variable is named twice.
type namer struct {
	*aligned
	names []string // by column; "" for none
	used  map[string]bool

	request, status, time int // columns; -1 for none
	nodes                 Nodes
	peerIsChosen          bool // of several columns of addresses, by their values
}

// name finds the variables of all columns.
func (a *aligned) name(nodes Nodes) *namer {
	n := &namer{aligned: a, nodes: nodes, names: make([]string, len(a.columns)), used: map[string]bool{}, request: -1, status: -1, time: -1}
	n.byKey()
	n.times()
	n.requestLine()
	n.statusAndSize()
	n.agentAndReferrer()
	n.peer()
	n.forwardedFor()
	n.user()
	n.upstream()
	n.byShape()
	n.requestTime()
	for i := range n.names {
		if n.names[i] == "" {
			n.unname(i)
		}
	}
	return n
}

// set names a column, unless it or the variable is taken.
func (n *namer) set(i int, variable string) bool {
	if n.names[i] != "" || n.used[variable] {
		return false
	}
	n.names[i], n.used[variable] = variable, true
	return true
}

// unname gives a column a name that is no variable's.
func (n *namer) unname(i int) {
	name := parser.Unnamed + strconv.Itoa(i+1)
	if key := strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(n.columns[i].key())); key != "" && !n.used[parser.Unnamed+key] {
		name = parser.Unnamed + key
	}
	n.names[i], n.used[name] = name, true
}

// first names the first column without a name that fits. It returns -1 for none.
func (n *namer) first(variable string, fits func(i int, c *column) bool) int {
	for i := range n.columns {
		if c := &n.columns[i]; n.names[i] == "" && !c.text && fits(i, c) && n.set(i, variable) {
			return i
		}
	}
	return -1
}

// idioms are keys that log_formats use, beside those of JSON logs.
var idioms = map[string]string{
	"rt": "request_time", "reqtime": "request_time", "urt": "upstream_response_time", "ut": "upstream_response_time",
	"uct": "upstream_connect_time", "uht": "upstream_header_time", "us": "upstream_status", "ul": "upstream_response_length",
	"cs": "upstream_cache_status", "cache": "upstream_cache_status", "sn": "server_name", "rl": "request_length",
	"rid": "request_id", "upstream_response": "upstream_response_time", "cn": "connection", "pp": "proxy_protocol_addr",
	"rip": "realip_remote_addr", "xri": "http_x_real_ip",
}

// byKey names columns by the key before them, if all values can be the variable's.
func (n *namer) byKey() {
	for i := range n.columns {
		c := &n.columns[i]
		key := strings.ToLower(c.key())
		if key == "" {
			continue
		}
		variable, ok := idioms[key]
		if !ok {
			variable, ok = parser.Convention(key)
		}
		switch {
		case key == "ua" && c.some(isAddressPort):
			variable, ok = "upstream_addr", true
		case variable == "uri" && c.some(func(v string) bool { return strings.Contains(v, "?") }):
			variable = "request_uri"
		case variable == "msec" || variable == "time_local" || variable == "time_iso8601":
			ok = false // the shape says which
		}
		if ok && fitsVariable(variable, c) {
			n.set(i, variable)
			n.note(i, variable)
		}
	}
}

// note remembers a column that others are found by.
func (n *namer) note(i int, variable string) {
	switch variable {
	case "request", "request_uri":
		if n.request < 0 {
			n.request = i
		}
	case "status":
		n.status = i
	}
}

// values say what all values of a variable look like. Where mayBeAbsent is false, a
// column without any value is not named by its key either.
var values = map[string]struct {
	fits        func(string) bool
	mayBeAbsent bool
}{
	"remote_addr": {isAddress, true}, "realip_remote_addr": {isAddress, true}, "proxy_protocol_addr": {isAddress, true}, "http_x_real_ip": {isAddress, true},
	"status":                   {status.MatchString, false},
	"body_bytes_sent":          {integer.MatchString, true},
	"bytes_sent":               {integer.MatchString, true},
	"request_length":           {integer.MatchString, true},
	"connection":               {integer.MatchString, true},
	"remote_port":              {integer.MatchString, true},
	"server_port":              {integer.MatchString, true},
	"realip_remote_port":       {integer.MatchString, true},
	"proxy_protocol_port":      {integer.MatchString, true},
	"request_time":             {seconds.MatchString, false},
	"upstream_response_time":   {secondList.MatchString, true},
	"upstream_connect_time":    {secondList.MatchString, true},
	"upstream_header_time":     {secondList.MatchString, true},
	"upstream_status":          {statusList.MatchString, true},
	"upstream_response_length": {intList.MatchString, true},
	"upstream_addr":            {isUpstream, true},
}

// fitsVariable reports whether the values of c can be those of a variable that the
// key before them names.
func fitsVariable(variable string, c *column) bool {
	if v, ok := values[variable]; ok {
		return c.all(v.fits) || v.mayBeAbsent && c.isAbsent()
	}
	switch variable {
	case "request":
		return c.most(50, request.MatchString)
	case "http_x_forwarded_for":
		return c.isAbsent() || c.most(95, isForwardedFor)
	case "host", "server_name":
		return c.isAbsent() || c.some(func(v string) bool { return !isAddress(v) }) && c.most(50, isHost)
	}
	return true
}

func isForwardedFor(v string) bool { return parser.IsForwardedFor([]byte(v)) }

func isHost(v string) bool { return hostName.MatchString(v) || hostPort.MatchString(v) || v == "_" }

// isUpstream reports whether v is a list of addresses with ports or paths of sockets.
func isUpstream(v string) bool {
	for _, group := range strings.Split(v, " : ") {
		for _, item := range strings.Split(group, ", ") {
			if !isAddressPort(item) && item != "-" {
				return false
			}
		}
	}
	return true
}

// times names the columns of times.
func (n *namer) times() {
	for _, t := range []struct {
		variable string
		fits     func(string) bool
	}{
		{"time_local", func(v string) bool { return timeLocal.FindString(v) == v }},
		{"time_iso8601", func(v string) bool { return timeISO.FindString(v) == v }},
		{"msec", msec.MatchString},
	} {
		if i := n.first(t.variable, func(_ int, c *column) bool { return c.always() && c.all(t.fits) }); i >= 0 && n.time < 0 {
			n.time = i
		}
	}
}

// requestLine names the request, or its parts.
func (n *namer) requestLine() {
	if i := n.first("request", func(_ int, c *column) bool {
		return n.request < 0 && c.most(50, request.MatchString) || c.isQuoted() && n.request < 0 && c.most(30, request.MatchString)
	}); i >= 0 {
		n.request = i
		return
	}
	if n.request >= 0 {
		return
	}
	n.first("request_method", func(_ int, c *column) bool { return c.most(90, method.MatchString) })
	n.first("server_protocol", func(_ int, c *column) bool { return c.most(90, protocol.MatchString) })
	n.request = n.first("request_uri", func(_ int, c *column) bool { return c.most(90, target.MatchString) })
}

// statusAndSize names the status behind the request, and the size behind the status.
func (n *namer) statusAndSize() {
	if n.status < 0 {
		n.status = n.first("status", func(i int, c *column) bool { return i > n.request && c.always() && c.all(status.MatchString) })
	}
	if n.status < 0 {
		n.status = n.first("status", func(_ int, c *column) bool { return c.always() && c.all(status.MatchString) })
	}
	size := n.status + 1
	if n.status < 0 || size >= len(n.columns) || n.names[size] != "" || !n.columns[size].always() || !n.columns[size].all(integer.MatchString) {
		return
	}
	switch body, head := n.bodyless(size); {
	case body:
		n.set(size, "body_bytes_sent")
	case !head && n.isCombinedUpTo(size):
		n.set(size, "body_bytes_sent") // as in combined
	}
}

// bodyless looks at responses without a body. body says that some have the size 0, as
// only $body_bytes_sent has; head says that they have another size.
func (n *namer) bodyless(size int) (body, head bool) {
	for line, v := range n.columns[size].values {
		code := n.columns[n.status].values[line]
		isHead := n.request >= 0 && strings.HasPrefix(n.columns[n.request].values[line], "HEAD ")
		if code == "304" || code == "204" || isHead {
			body = body || v == "0"
			head = head || v != "0"
		}
	}
	return body && !head, head
}

// isCombinedUpTo reports whether the columns before the size are those of combined.
func (n *namer) isCombinedUpTo(size int) bool {
	return n.request >= 0 && n.status == n.request+1 && size == n.status+1 && n.columns[n.request].isQuoted()
}

// agentAndReferrer names the user agent by values that only agents have, and the
// referrer by its URLs or its place before the agent.
func (n *namer) agentAndReferrer() {
	a := n.first("http_user_agent", func(_ int, c *column) bool { return c.some(agent.MatchString) && c.most(30, agent.MatchString) })
	if a < 0 {
		a = n.agentByPlace()
	}
	if a > 0 && n.columns[a-1].isQuoted() == n.columns[a].isQuoted() && isReferrer(&n.columns[a-1]) && n.set(a-1, "http_referer") {
		return
	}
	n.first("http_referer", func(i int, c *column) bool {
		return i > n.status && !c.always() && c.all(address.MatchString)
	})
}

// agentByPlace names the column that stands where combined has the agent, unless its
// values are of another kind. It returns -1 if there is none.
func (n *namer) agentByPlace() int {
	at := n.status + 3
	if n.status < 0 || !n.isCombinedUpTo(n.status+1) || at >= len(n.columns) {
		return -1
	}
	isOther := func(v string) bool { return isForwardedFor(v) || secondList.MatchString(v) || hostName.MatchString(v) }
	referrer, c := &n.columns[at-1], &n.columns[at]
	if !referrer.isQuoted() || !c.isQuoted() || !isReferrer(referrer) || c.isAbsent() || c.some(isOther) || !n.set(at, "http_user_agent") {
		return -1
	}
	return at
}

func isReferrer(c *column) bool { return c.isAbsent() || c.most(50, address.MatchString) }

// peer names the column of the peer: of those that have one address in each line, one
// that behaves as the peer behind an NLB, or the leftmost. A column before it that is
// absent in some lines, or has lists, is a header.
func (n *namer) peer() {
	if n.used["remote_addr"] {
		return
	}
	var single []int
	for i := range n.columns {
		if c := &n.columns[i]; n.names[i] == "" && !c.text && c.always() && c.all(isAddress) {
			single = append(single, i)
		}
	}
	switch {
	case len(single) > 0:
		n.set(n.likeliestPeer(single), "remote_addr")
	case !n.columns[0].text && n.columns[0].always() && n.columns[0].all(func(v string) bool { return strings.Count(v, ":") == 1 && isAddressPort(v) }):
		// With a port it is the peer only at the start of the line: an upstream has one too.
		n.set(0, "remote_addr")
	}
}

// likeliestPeer returns which of several columns of addresses is $remote_addr. Where one
// of them may be the peer and another one a header, the reading that would acquit a
// broken chain is not taken. An address that stands in all lines is more likely that of
// this host.
func (n *namer) likeliestPeer(single []int) int {
	first := single[0]
	if n.beginsAsCombined() {
		return first // its own Doubt says so, if another column behaves as the peer
	}
	best, most := first, 0
	leftmost := n.addresses(first)
	for _, i := range single {
		c := n.addresses(i)
		rank := min(len(c.distinct), 2)
		if isMost(c.nodes, c.given) {
			rank = 3
		}
		isServers := rank < 3 && parser.IsServerName([]byte(strings.ToLower(n.columns[i].key())))
		if rank > most && !isServers && c.behavesAsPeer(len(n.lines), &leftmost) {
			best, most = i, rank
		}
	}
	n.peerIsChosen = best != first
	return best
}

// addresses counts the values of a column.
func (n *namer) addresses(i int) (c addressCount) {
	for _, v := range n.columns[i].values {
		c.add(v, n.nodes)
	}
	return c
}

// beginsAsCombined reports whether the first columns are those of combined.
func (n *namer) beginsAsCombined() bool {
	return n.time == 3 && n.request == 4 && n.columns[3].sep == " [" && n.columns[4].sep == `] "`
}

// forwardedFor names the column of X-Forwarded-For: lists of addresses, or addresses
// in quotes behind the request.
func (n *namer) forwardedFor() {
	n.first("http_x_forwarded_for", func(i int, c *column) bool {
		if !c.most(95, isForwardedFor) || c.all(isUpstream) && !c.some(func(v string) bool { return !isPrivate(strings.Split(v, ",")[0]) }) {
			return false
		}
		if c.distinct() == 1 && isPrivate(c.given()[0]) || n.holdsServers(c) {
			return false // as $server_addr is
		}
		isList := c.some(func(v string) bool { return strings.Contains(v, ",") })
		return isList || c.isQuoted() && i > n.request || i == 0 && !c.always() || n.standsBeforePeer(i)
	})
}

// holdsServers reports whether the addresses of a column are no visitors'.
func (n *namer) holdsServers(c *column) bool {
	agents := slices.Index(n.names, "http_user_agent")
	if agents < 0 {
		return false
	}
	var h headerValues
	for line, value := range c.values {
		if value == "-" {
			value = ""
		}
		h.add(value, n.columns[agents].values[line])
	}
	return h.areServers()
}

// standsBeforePeer reports whether a column of visitors' addresses stands before that of
// the peer, which only shows proxies.
func (n *namer) standsBeforePeer(i int) bool {
	peer := slices.Index(n.names, "remote_addr")
	return i < peer && n.columns[i].some(func(v string) bool { return isAddress(v) && !isPrivate(v) })
}

// user names the user between the peer and the time.
func (n *namer) user() {
	if n.time < 2 {
		return
	}
	peer := -1
	for i, name := range n.names {
		if name == "remote_addr" || name == "http_x_forwarded_for" && i == 0 {
			peer = i
			break
		}
	}
	between := n.time - peer - 1
	if peer < 0 || between < 1 {
		return
	}
	user := n.time - 1
	if between%2 == 0 && n.areDashes(peer+1, user) {
		for i := peer + 1; i < user; i += 2 {
			n.names[i] = literalDash
		}
		n.set(user, "remote_user")
		return
	}
	if c := &n.columns[user]; between == 1 && (c.isAbsent() || !c.always() && c.all(word.MatchString)) {
		n.set(user, "remote_user")
	}
}

// areDashes reports whether every second column from one on is nothing but a dash, as
// in combined: peer - user.
func (n *namer) areDashes(from, to int) bool {
	for i := from; i < to; i += 2 {
		if n.names[i] != "" || !n.columns[i].isAbsent() || !strings.HasPrefix(n.columns[i+1].sep, " ") {
			return false
		}
	}
	return n.names[to] == ""
}

// literalDash stands for a column that is a dash of the log_format.
const literalDash = "-"

// upstream names what nginx logs of upstreams, by values that nothing else has.
func (n *namer) upstream() {
	addr := n.first("upstream_addr", func(i int, c *column) bool {
		return i > n.request && c.all(isUpstream) && !hasClientPorts(c) && c.all(func(v string) bool { return isPrivate(strings.Split(v, ",")[0]) })
	})
	n.first("upstream_status", func(i int, c *column) bool {
		isOther := !c.always() || c.some(func(v string) bool { return len(v) > 3 })
		return i > n.status && n.status >= 0 && c.all(statusList.MatchString) && c.some(status.MatchString) && (isOther || addr >= 0 && i == addr+1)
	})
	n.first("upstream_cache_status", func(_ int, c *column) bool { return c.all(cacheState.MatchString) })
}

// hasClientPorts reports whether a column has many more ports than addresses, as clients
// have. An upstream has one port.
func hasClientPorts(c *column) bool {
	ports, addresses := map[uint16]bool{}, map[netip.Addr]bool{}
	for _, v := range c.given() {
		if addr, err := netip.ParseAddrPort(v); err == nil {
			ports[addr.Port()], addresses[addr.Addr()] = true, true
		}
	}
	const many = 8
	return len(ports) > many && len(ports) > 4*len(addresses)
}

// byShape names columns whose values only one variable has.
func (n *namer) byShape() {
	for _, s := range []struct {
		variable string
		fits     func(string) bool
	}{
		{"request_id", hex32.MatchString}, {"ssl_protocol", tls.MatchString}, {"ssl_cipher", cipher.MatchString}, {"scheme", scheme.MatchString},
	} {
		n.first(s.variable, func(_ int, c *column) bool { return c.all(s.fits) })
	}
	if n.names[0] == "" && len(n.names) > 1 && n.names[1] == "remote_addr" && n.columns[0].always() {
		// The name of the virtual host stands before combined in many formats.
		if c := &n.columns[0]; !c.some(isTime) && (c.most(80, hostName.MatchString) || n.hostHasPort(0)) {
			n.set(0, "host")
		}
	}
}

// hostHasPort reports whether all values of a column are a host and a port.
func (n *namer) hostHasPort(i int) bool {
	c := &n.columns[i]
	return c.most(50, hostPort.MatchString) && c.all(func(v string) bool { return hostPort.MatchString(v) || isAddressPort(v) })
}

// requestTime names a column of seconds if it has a value where no upstream was
// asked: nginx then writes "-" for the times of upstreams.
func (n *namer) requestTime() {
	if !n.someUnasked() {
		return
	}
	n.first("request_time", func(_ int, c *column) bool { return c.always() && c.all(seconds.MatchString) })
}

// someUnasked reports whether in some line no upstream was asked: another value of
// upstreams is absent, or nginx refused the request itself.
func (n *namer) someUnasked() bool {
	for i := range n.columns {
		c := &n.columns[i]
		isUpstreams := n.names[i] == "" && c.all(secondList.MatchString) || strings.HasPrefix(n.names[i], "upstream_") && n.names[i] != "upstream_cache_status"
		if isUpstreams && slices.Contains(c.values, "-") {
			return true
		}
	}
	if n.request < 0 || n.status < 0 || n.names[n.request] != "request" {
		return false
	}
	for line, v := range n.columns[n.request].values {
		if n.columns[n.status].values[line] == "400" && !request.MatchString(v) {
			return true
		}
	}
	return false
}
