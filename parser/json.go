package parser

import (
	"bytes"
	"strconv"

	"clearhop/record"
)

// A LineFormat reads the lines of one format. A *Format reads those of a log_format,
// a *JSONFormat JSON objects with any keys. Parse reads line into r, whose Access
// must be in the state after Reset. Its error is a *record.ParseError; then
// r.Access may be partly filled. Both are safe for concurrent use.
type LineFormat interface {
	Name() string
	Parse(line []byte, r *record.Record) error
	// try is Parse for a Set, which tries other formats too: it reports whether line
	// was read, and else sets e to the error of Parse. So a line that another format
	// reads costs no memory.
	try(line []byte, r *record.Record, e *record.ParseError) bool
}

// tryWith is try by way of Parse, whose errors take memory.
func tryWith(f LineFormat, line []byte, r *record.Record, e *record.ParseError) bool {
	err := f.Parse(line, r)
	if err == nil {
		return true
	}
	*e = *err.(*record.ParseError)
	return false
}

var (
	_ LineFormat = (*Format)(nil)
	_ LineFormat = (*JSONFormat)(nil)
)

// JSON is the name of the format that NewJSON makes.
const JSON = "json"

// A JSONFormat reads lines that are one JSON object each. The object has nginx
// variables under any names, in any order. A JSONFormat is immutable and safe for
// concurrent use.
//
// # Keys
//
// A key means the variable of its name, or a variable by convention: clientip,
// status_code, http.request.method. Case, "_", "-" and "@" do not matter. An object
// in an object is read as dotted keys. If a key repeats, the last value wins.
//
// A key by convention is a guess. If the value cannot be one of the variable, or
// the line has the variable under another key, it goes to Access.Extra under its
// own name. Under the variable's own name, a wrong value is an error. All unknown
// keys go to Access.Extra too, objects and arrays as JSON text.
//
// # Values
//
// null, "", "-" and a missing value are absent: with escape=json, nginx writes
// absent and empty values in the same way. Access.Logged has the variables whose
// keys are in the line, with or without a value. Numbers may be in quotes.
// Durations are in seconds, as nginx writes them, or in milliseconds if the key
// ends in _ms. A time may have any of nginx's forms, or that of RFC 3339, or be the
// seconds, milliseconds, microseconds or nanoseconds since the Unix epoch. The most
// precise time of a line is stored.
//
// # Lines that are not quite JSON
//
// nginx does not know that it writes JSON. A JSONFormat also reads
//
//   - \xHH, which escape=default writes;
//   - bytes that are not UTF-8, which stay as they are;
//   - control bytes, which escape=none writes;
//   - a variable without quotes that is absent ("x":,), "-" or a list
//     ("x":502, 200);
//   - a comma after the last member.
//
// Nobody can read quotes that were not escaped: with escape=none, a visitor can
// forge members.
type JSONFormat struct {
	name string
	keys *keyTable
	// hostIsClient reports that the key host means $remote_addr.
	hostIsClient bool
}

// NewJSON makes the format. keys adds names to the known ones and overrides them.
// It maps a key (with dots, if it is in an object) to the name of an nginx variable,
// with or without "$", or to "-" if the key means no variable despite its name. It
// may be nil.
func NewJSON(keys map[string]string) (*JSONFormat, error) {
	table, err := newKeyTable(keys)
	if err != nil {
		return nil, err
	}
	return &JSONFormat{name: JSON, keys: table}, nil
}

// Name returns "json".
func (f *JSONFormat) Name() string { return f.name }

// The reasons why a whole line is not one of an access log. Events show them, so
// their texts must stay as they are.
const (
	noObject  = "not a JSON object"
	noRequest = "a JSON object, but not of a request: of status, request and client's address two must be there"
)

// Parse reads line into r. A JSON object is an access line if it has two of these:
// a status, a request (or its method or target), a client's address. The error is
// a *record.ParseError; then r.Access may be partly filled.
func (f *JSONFormat) Parse(line []byte, r *record.Record) error {
	s := scanner{line: line, r: r, keys: f.keys}
	if err := s.scan(); err != nil {
		return f.mismatch(err.key, err.at, err.reason)
	}
	return f.assign(r, &s)
}

func (f *JSONFormat) try(line []byte, r *record.Record, e *record.ParseError) bool {
	if !beginsObject(line) {
		*e = record.ParseError{Format: f.name, Column: 1, Reason: noObject}
		return false
	}
	return tryWith(f, line, r, e)
}

// assign stores the members of a line.
func (f *JSONFormat) assign(r *record.Record, s *scanner) error {
	f.placeHost(s)
	best := noTime
	for i := range s.count {
		if m := s.member(i); m.pass() == named {
			if reason := f.setNamed(r, m, &best); reason != "" {
				return f.mismatch(m.key, m.at, reason)
			}
		}
	}
	a := &r.Access
	peerIsNamed := a.Logged&(record.LoggedRemoteAddr|record.LoggedRealipRemoteAddr) != 0
	for pass := guessed; pass <= guessedTwice; pass++ {
		peerIsKnown := a.RemoteAddr != nil
		for i := range s.count {
			m := s.member(i)
			if m.pass() != pass {
				continue
			}
			if pass == guessedTwice && !peerIsKnown && isOtherPeer(m.raw, a.RemoteAddr) {
				m.key = nil // of two keys for the client, this one is no header
			}
			f.setGuessed(r, m, &best)
		}
	}
	if !peerIsNamed && s.hasOtherPeer(a.RemoteAddr) {
		a.Guessed |= record.LoggedRemoteAddr
	}
	a.Guessed |= s.repeated
	if len(a.BadRequest) > 0 && a.BadRequest[0] == '/' && a.Method != nil && a.RequestTarget == nil {
		// The value of "request" is $request_uri in some formats. For a bad
		// request line nginx would have no method.
		a.RequestTarget, a.BadRequest, a.Request = a.BadRequest, nil, nil
	}
	if a.Logged.Has(loggedMethodAndTarget) {
		a.Logged |= record.LoggedRequest
	}
	finishUpstream(a)
	finishForwarded(a)
	if !ofRequest(a) {
		return f.mismatch(nil, 0, noRequest+s.unknownKeys())
	}
	r.Dataset = record.AccessLine
	return nil
}

// The bounds of what an error says about keys.
const (
	maxNamedKeys = 8
	maxNamedKey  = 32 // bytes
)

// unknownKeys names the keys that mean nothing, for an error: at most maxNamedKeys of
// them, and only names that a program would choose.
func (s *scanner) unknownKeys() string {
	names, more := "", false
	n := 0
	for i := range s.count {
		m := s.member(i)
		if m.key != nil || !isPlainKey(m.name) {
			continue
		}
		if n++; n > maxNamedKeys {
			more = true
			break
		}
		if n > 1 {
			names += ", "
		}
		names += string(m.name)
	}
	if names == "" {
		return ""
	}
	if more {
		names += ", …"
	}
	return "; these keys are not known: " + names + "; say what they mean with --json-key KEY=VARIABLE or --format @nginx.conf"
}

func isPlainKey(name []byte) bool {
	for _, c := range name {
		if !isNameByte(c) && c != '.' && c != '-' && c != '@' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxNamedKey
}

// The passes in which the members of a line are stored: a guess must know what the
// keys say that are none.
const (
	named        = iota
	guessed      // also unknown keys
	guessedTwice // keys that mean something else beside others
)

// pass returns the pass in which m is stored.
func (m *member) pass() int {
	switch {
	case m.key == nil:
		return guessed
	case !m.key.guessed:
		return named
	case m.key.second != nil:
		return guessedTwice
	default:
		return guessed
	}
}

// mismatch returns the error for the value of a key, or for the line if k is nil.
func (f *JSONFormat) mismatch(k *key, at int, reason string) error {
	err := &record.ParseError{Format: f.name, Column: at + 1, Reason: reason}
	if k != nil {
		err.Variable = k.variable.name
	}
	return err
}

// ofRequest reports whether a has enough for a line of an access log.
func ofRequest(a *record.Access) bool {
	found := 0
	if a.Status.Valid {
		found++
	}
	if a.Method != nil || a.RequestTarget != nil || a.URI != nil || a.BadRequest != nil {
		found++
	}
	if a.RemoteAddr != nil || a.RealipRemoteAddr != nil || a.ProxyProtocolAddr != nil || a.XForwardedFor != nil || a.XRealIP != nil {
		found++
	}
	return found >= 2
}

// setNamed stores the value of a key that is not a guess. It returns what is wrong
// with the value, or "".
func (f *JSONFormat) setNamed(r *record.Record, m *member, best *int) string {
	v := &m.key.variable
	r.Access.Logged |= v.logged
	value := m.value(r)
	switch {
	case value == nil:
		return ""
	case m.shape == nested:
		addExtra(&r.Access, m.name, value)
		return ""
	case v.kind.timeRank() != noTime:
		ms, rank, ok := parseAnyTime(value)
		if !ok {
			return notTime
		}
		setBestTime(r, ms, rank, best)
		setZone(r, value)
		return ""
	case v.number != nil:
		n, reason := m.key.number(value)
		if reason == "" {
			*v.number(&r.Access) = n
			if v.kept {
				addExtra(&r.Access, []byte(v.name), value)
			}
		}
		return reason
	case v.text == nil && v.list == nil && v.listNumber == nil && v.kind != kindRequest:
		addExtra(&r.Access, []byte(v.name), value)
		return ""
	}
	return v.set(r, value)
}

// setGuessed stores the value of a key that is a guess or unknown.
func (f *JSONFormat) setGuessed(r *record.Record, m *member, best *int) {
	value := m.value(r)
	if m.key != nil && m.shape != nested {
		if value == nil {
			v := &m.key.variable
			if m.key.second != nil && r.Access.RemoteAddr != nil {
				v = m.key.second
			}
			r.Access.Logged |= v.logged
			return
		}
		if f.guess(r, m.key, value, best) {
			r.Access.Logged |= m.key.variable.logged
			return
		}
		if guessSecond(&r.Access, m.key.second, value) {
			return
		}
	}
	if value != nil {
		addExtra(&r.Access, m.name, value)
	}
}

// guess stores value as the variable that its key means by convention. It reports
// false, and stores nothing, if value cannot be one of that variable or the line
// says otherwise under another key.
func (f *JSONFormat) guess(r *record.Record, k *key, value []byte, best *int) bool {
	a, v := &r.Access, &k.variable
	switch {
	case v.kind.timeRank() != noTime:
		ms, rank, ok := parseAnyTime(value)
		if ok {
			setBestTime(r, ms, rank, best)
			setZone(r, value)
		}
		return ok
	case v.number != nil:
		return k.guessNumber(v.number(a), value)
	case v.name == "server_protocol" && isVersion(value):
		value = protocolOf(r, value)
	case !k.fits(value):
		return false
	}
	switch {
	case v.name == "uri" && bytes.IndexByte(value, '?') >= 0 && a.RequestTarget == nil:
		a.RequestTarget = value // $uri has no arguments
		return true
	case v.text != nil:
		return guessText(v.text(a), value)
	case v.kind == kindRequest:
		return guessRequest(a, value)
	}
	if listed(v, a.Upstream) {
		return false
	}
	return v.setList(a, value) == ""
}

// guessSecond stores value as the second meaning of a key: the client's address beside
// that of the peer is what a header names. It reports false if it stored nothing.
func guessSecond(a *record.Access, second *variable, value []byte) bool {
	if second == nil || a.Logged.Has(second.logged) || !looksLikeAddress(value) || bytes.HasPrefix(value, a.RemoteAddr) {
		return false // the same address with its port is no header
	}
	a.Logged |= second.logged
	return guessText(second.text(a), value)
}

// guessNumber stores a number in field. A field with another number stays.
func (k *key) guessNumber(field *record.Int, value []byte) bool {
	n, reason := k.number(value)
	if reason != "" || k.variable.name == "status" && !isStatus(n.N) {
		return false
	}
	if field.Valid {
		return *field == n
	}
	*field = n
	return true
}

// guessText stores value in field. A field with another text stays.
func guessText(field *[]byte, value []byte) bool {
	if *field != nil {
		return bytes.Equal(*field, value)
	}
	*field = value
	return true
}

// guessRequest stores a request line, unless the line has a request already.
func guessRequest(a *record.Access, value []byte) bool {
	if a.RequestTarget != nil || a.BadRequest != nil {
		return false
	}
	setRequest(a, value)
	return true
}

// protocolOf returns HTTP/ and a version, in scratch space.
func protocolOf(r *record.Record, version []byte) []byte {
	scratch := r.Scratch()
	from := len(scratch)
	scratch = append(append(scratch, httpName...), version...)
	r.SetScratch(scratch)
	return scratch[from:len(scratch):len(scratch)]
}

// isStatus reports whether nginx can log n as a status: 0 if it never answered, 9
// for HTTP/0.9 without a status.
func isStatus(n int64) bool { return n == 0 || n == 9 || 100 <= n && n <= 599 }

// listed reports whether one of the tries has a value of v.
func listed(v *variable, tries []record.Upstream) bool {
	for i := range tries {
		if v.list != nil && *v.list(&tries[i]) != nil || v.listNumber != nil && v.listNumber(&tries[i]).Valid {
			return true
		}
	}
	return false
}

// setBestTime stores a time if it is more precise than those stored before.
func setBestTime(r *record.Record, ms int64, rank int, best *int) {
	if rank > *best {
		*best = rank
		r.Timestamp, r.HasTimestamp = ms, true
	}
}

// number reads a number. A log router may have rewritten the JSON and the number
// in it, as 200.0 or 1.2e-05.
func (k *key) number(value []byte) (record.Int, string) {
	if k.guessed && k.variable.kind == kindSeconds {
		return k.duration(value)
	}
	return k.numberIn(k.unit, value)
}

// duration reads a duration whose unit can stand behind it, as in 0.123s or 12ms. A
// whole number of more than a day under the name duration is in nanoseconds, as
// Datadog and Traefik write it: nginx writes seconds with three decimals.
func (k *key) duration(value []byte) (record.Int, string) {
	number, unit, ok := cutUnit(value)
	switch {
	case ok:
		return k.numberIn(unit, number)
	case k.unit == inSuffix:
		return record.Int{}, notSeconds
	}
	n, reason := k.numberIn(k.unit, value)
	if k.folded == "duration" && n.N >= 100_000*nanosPerSecond && bytes.IndexByte(value, '.') < 0 {
		n.N /= nanosPerSecond
	}
	return n, reason
}

// cutUnit cuts the unit from the end of a duration.
func cutUnit(value []byte) (number []byte, u unit, ok bool) {
	for _, suffix := range suffixes {
		if number, ok := bytes.CutSuffix(value, suffix.text); ok && len(number) > 0 {
			return number, suffix.unit, true
		}
	}
	return nil, inSeconds, false
}

// suffixes are units behind a number. The s of seconds comes last, because the others
// end in it too.
var suffixes = []struct {
	text []byte
	unit unit
}{
	{[]byte("ms"), inMillis}, {[]byte("us"), inMicros}, {[]byte("\u00b5s"), inMicros}, {[]byte("ns"), inNanos}, {[]byte("s"), inSeconds},
}

// numberIn reads a number. Durations are in the given unit.
func (k *key) numberIn(u unit, value []byte) (record.Int, string) {
	n, reason := k.plainNumber(u, value)
	if reason == "" || !bytes.ContainsAny(value, ".eE") || len(value) > 40 {
		return n, reason
	}
	x, err := strconv.ParseFloat(string(value), 64)
	if err != nil || x < 0 || x > 1<<53 {
		return record.Int{}, reason
	}
	if k.variable.kind == kindSeconds {
		x *= nanosPer[u]
	} else if x != float64(int64(x)) {
		return record.Int{}, reason
	}
	if x > 1<<62 {
		return record.Int{}, reason
	}
	return record.Int{N: int64(x + 0.5), Valid: true}, ""
}

// plainNumber reads a number as nginx writes it. Durations become nanoseconds.
func (k *key) plainNumber(u unit, value []byte) (record.Int, string) {
	kind := k.variable.kind
	if kind == kindSeconds && u == inNanos {
		return kindInt.parse(value)
	}
	n, reason := kind.parse(value)
	if kind == kindSeconds {
		switch u {
		case inMillis:
			n.N /= 1000
		case inMicros:
			n.N /= 1000_000
		}
	}
	return n, reason
}

// addExtra stores value under a name that is part of the line. The lines of a log
// mostly have the same names, so the memory of Extra often has an entry of this
// name from an earlier line. Its name is used again, and nothing is allocated.
func addExtra(a *record.Access, name, value []byte) {
	n := len(a.Extra)
	for i := range a.Extra {
		if a.Extra[i].Name == string(name) {
			a.Extra[i].Value = value
			return
		}
	}
	past := a.Extra[:cap(a.Extra)]
	for i := n; i < len(past); i++ {
		if past[i].Name == string(name) {
			past[n], past[i] = past[i], past[n]
			past[n].Value = value
			a.Extra = past[:n+1]
			return
		}
	}
	a.Extra = append(a.Extra, record.Pair{Name: string(name), Value: value})
}

// isVersion reports whether b can follow "HTTP/": 1.1, 2.0, 3.
func isVersion(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 3
}
