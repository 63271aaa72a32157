package privacy

import (
	"strings"

	"clearhop/internal/address"
	"clearhop/record"
)

// A doubt says how likely it is that something cut off the end of a text.
type doubt uint8

const (
	// whole is a text that nothing cuts.
	whole doubt = iota
	// hardly is the end of a value that may as well be a version.
	hardly
	// perhaps is the end of a line of any length.
	perhaps
	// likely is the end of a line that is as long as those that are cut.
	likely
)

// The lengths from which on a line was likely cut, in bytes. nginx ends error lines at
// 2,047 and syslog the others at 1,024 or 2,048, its header included. An access line
// is cut where an event would be too large.
const (
	longErrorLine = 900
	longLine      = 32 << 10
)

// doubtOf returns the doubt about the end of the line of r.
func doubtOf(r *record.Record) doubt {
	e := &r.Error
	length := max(len(r.Line.Text), len(e.Message)+len(e.Request)+len(e.Upstream)+len(e.Host)+len(e.Referrer))
	switch {
	case r.Line.Defect == record.TooLong, r.Line.Defect == record.Unfinished, length >= longLine, length >= longErrorLine && r.Dataset != record.AccessLine:
		return likely
	}
	return perhaps
}

// headIn returns where the head of an address starts that was cut off at the end of a
// text. from is the end of the last whole address in it.
func (w *Worker) headIn(text []byte, from int, d doubt) (start int, ok bool) {
	if d == whole {
		return 0, false
	}
	h := address.HeadAt(text, from)
	least := 2
	switch {
	case d == likely:
	case h.Common:
		return 0, false
	case h.Colons:
		least = 4
	case d == hardly || w.g.mode == Truncate:
		return 0, false // three numbers are the network, which truncate shows
	default:
		least = 3
	}
	return h.Start, h.Groups >= least
}

// hideCut hides the addresses in the fields whose ends may have been cut off.
func (w *Worker) hideCut(r *record.Record) {
	if r.Dataset == record.ErrorLogLine {
		if part := lastPart(&r.Error); part != nil {
			w.hideEnd(part, w.g.stays, doubtOf(r))
		}
		w.hideErrorClient(&r.Client.Address)
	}
	w.hideErrorClient(&r.Error.Client)
	inClient := perhaps
	if w.g.mode == Hash {
		inClient = likely
	}
	w.hideEnd(&r.Client.Address, w.g.stays, inClient)
	for i := range r.Provenance.Claimed {
		w.hideEnd(&r.Provenance.Claimed[i], w.g.stays, perhaps)
	}
	for i := range r.Access.Extra {
		e, in := &r.Access.Extra[i], hardly
		if e.Name == "trailing" || strings.HasPrefix(e.Name, "unnamed_") { // columns of which nobody knows the variable
			in = perhaps
		}
		w.hideEnd(&e.Value, w.g.stays, in)
	}
}

// hideErrorClient hides what stands in the client's place of an error line. If that
// is no whole address, nginx cut the line there.
func (w *Worker) hideErrorClient(text *[]byte) {
	if _, ok := address.Find(*text, 0); !ok && len(*text) > 0 && string(*text) != "unix:" {
		*text = redactedValue
		return
	}
	w.hideEnd(text, w.g.stays, likely)
}

// lastPart returns the part in which an error line ends.
func lastPart(e *record.ErrorLine) *[]byte {
	for _, part := range [...]*[]byte{&e.Referrer, &e.Host, &e.Upstream, &e.Subrequest, &e.Request, &e.Server, &e.Action, &e.ErrnoText, &e.Message} {
		if *part != nil {
			return part
		}
	}
	return nil
}
