package accesslog

import (
	"clearhop/parser"
	"clearhop/record"
	"clearhop/verdict"
)

// Config says how lines are written.
type Config struct {
	// Template is the log_format to write. Nil means that lines are written as they
	// came; see AppendText.
	Template *parser.Template
	// Unvouched also writes a client that only the visitor names.
	Unvouched bool
	// KnownOnly leaves out access lines whose client is not written.
	KnownOnly bool
}

// A Writer writes lines in the way of a Config.
type Writer struct {
	config Config
	escape parser.Escape
	steps  []step
}

// New makes a Writer.
func New(c Config) *Writer {
	w := &Writer{config: c}
	if c.Template != nil {
		w.escape = c.Template.Escape
		w.steps = steps(c.Template)
	}
	return w
}

// AsTheyCame reports whether lines are written as they came.
func (w *Writer) AsTheyCame() bool { return w.config.Template == nil }

// A Fate is what became of a record as a line.
type Fate uint8

// The fates. NoLine is the one of a record that no Writer got.
const (
	NoLine            Fate = iota
	Written                // with its client, or as it came
	WrittenUnknown         // with "-", because no client is known
	WrittenUnvouched       // with "-", because nobody vouches for the client
	LeftOutUnknown         // by KnownOnly, because no client is known
	LeftOutUnvouched       // by KnownOnly, because nobody vouches for the client
	LeftOutNoAccess        // it is no access line, and so has no place in a log_format
	LeftOutUnreadable      // it cannot be written as it came: it was cut, or holds what is to be hidden
)

// NumFates is the length of an array that is indexed by Fate.
const NumFates = int(LeftOutUnreadable) + 1

// LeftOut reports whether there is no line.
func (f Fate) LeftOut() bool { return f >= LeftOutUnknown }

// none is what nginx writes in the place of an address that it does not have.
const none = '-'

// Append appends the line of r with its line break, and says what became of it. Where
// nothing is to be written, dst comes back as it is.
//
// If lines are written as they came, the line is r.Original, where AppendText put it.
func (w *Writer) Append(dst []byte, r *record.Record) ([]byte, Fate) {
	fate := w.fate(r)
	if fate.LeftOut() {
		return dst, fate
	}
	if w.AsTheyCame() {
		if r.Original == nil || r.Line.Defect != record.Sound {
			return dst, LeftOutUnreadable
		}
		return append(append(dst, r.Original...), '\n'), fate
	}
	return append(w.appendLine(dst, r, fate == Written), '\n'), fate
}

// fate decides what becomes of r.
func (w *Writer) fate(r *record.Record) Fate {
	if r.Dataset != record.AccessLine {
		if w.AsTheyCame() && r.Continues == nil {
			return Written
		}
		return LeftOutNoAccess
	}
	fate := WrittenUnvouched
	switch {
	case !r.Client.IP.IsValid() && r.Client.Address == nil:
		fate = WrittenUnknown
	case w.config.Unvouched, r.Provenance.Vouched && r.Provenance.Verdict != verdict.Disputed:
		return Written
	case !r.Client.IP.IsValid() && !r.Provenance.Vouched:
		fate = WrittenUnknown // a masked address, a name or "unix:"
	}
	if w.config.KnownOnly {
		return fate + LeftOutUnknown - WrittenUnknown
	}
	return fate
}

// AppendText appends text, which r was read from, with the client in the place of the
// address that nginx wrote there. It adds no line break.
//
// In an access line, that is the address of $remote_addr. An error line keeps the
// address that nginx wrote into it, because nothing else in the line names a client,
// unless isProxy says that it is a proxy's: then "-" stands in its place, since
// fail2ban would close the firewall for the proxy. All other lines stay as they are.
func (w *Writer) AppendText(dst, text []byte, r *record.Record, isProxy func([]byte) bool) []byte {
	var written []byte // what stands in the place of the client
	switch {
	case r.Dataset == record.AccessLine:
		written = r.Access.RemoteAddr
	case r.Dataset == record.ErrorLogLine && len(r.Error.Client) > 0 && isProxy(r.Error.Client):
		written = r.Error.Client
	}
	at, ok := placeOf(text, written)
	if !ok {
		return append(dst, text...)
	}
	dst = append(dst, text[:at]...)
	switch {
	case r.Dataset != record.AccessLine || w.fate(r) != Written:
		dst = append(dst, none)
	case r.Client.IP.IsValid():
		dst = r.Client.IP.AppendTo(dst)
	default: // what nginx wrote is no address, and is the client all the same
		dst = append(dst, written...)
	}
	return append(dst, text[at+len(written):]...)
}

// placeOf returns where part, a slice of text, stands in it. A part that has memory
// of its own stands nowhere.
func placeOf(text, part []byte) (int, bool) {
	at := cap(text) - cap(part)
	if len(part) == 0 || at < 0 || at+len(part) > len(text) || &text[at] != &part[0] {
		return 0, false
	}
	return at, true
}
