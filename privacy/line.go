package privacy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"clearhop/internal/address"
	"clearhop/record"
)

// hideLine hides in a whole line what Apply hides in its fields. The fields of r say
// what stands in the line without a mark of its own: a user's name, the value of
// $arg_email, a cookie. The line becomes nil if such a value cannot be found in it
// because something escaped it.
func (w *Worker) hideLine(r *record.Record, line *[]byte, stays func(netip.Addr) bool) {
	if *line == nil {
		return
	}
	w.redactLine(r, line)
	for i := range r.Access.Extra {
		if e := &r.Access.Extra[i]; w.isSecret(e) && !w.replaceWord(line, e.Value, redactedValue) {
			*line = nil
			return
		}
	}
	if w.g.mode == None {
		return
	}
	if name := userIn(r); len(name) > 0 && !w.replaceWord(line, name, w.hiddenUser(name)) || holdsBinaryAddress(r) {
		*line = nil
		return
	}
	w.hideEnd(line, stays, doubtOf(r))
}

// redactLine replaces the values of the keys in a line. A value in which a visitor
// wrote a space is recognized by the field that holds all of it.
func (w *Worker) redactLine(r *record.Record, line *[]byte) {
	if len(w.g.query) == 0 {
		return
	}
	a, e := &r.Access, &r.Error
	for _, part := range [...]struct {
		text []byte
		in   place
	}{
		{a.BadRequest, inRequest}, {a.RequestTarget, inURL}, {a.Args, inQuery}, {a.URI, inURL}, {a.Referer, inURL},
		{e.Message, inMessage}, {e.Request, inRequest}, {e.Subrequest, inRequest}, {e.Upstream, inRequest}, {e.Referrer, inURL},
	} {
		hidden := part.text
		if bytes.IndexByte(part.text, ' ') < 0 {
			continue
		}
		if w.redact(&hidden, part.in); !bytes.Equal(hidden, part.text) {
			w.replaceWord(line, part.text, hidden)
		}
	}
	w.redact(line, inText)
	w.redactMembers(line)
}

// redactMembers replaces the values of keys such as "arg_email" in a line of JSON that
// no format read, because something cut it off. Where a format read it, nothing is left.
func (w *Worker) redactMembers(line *[]byte) {
	if len(*line) == 0 || (*line)[0] != '{' {
		return
	}
	const member = `"arg_`
	from, copied := len(w.buf), 0
	for i := 0; ; {
		n := bytes.Index((*line)[i:], []byte(member))
		if n < 0 {
			break
		}
		i += n + len(member)
		start, end, ok := w.memberValue((*line), i)
		if !ok {
			continue
		}
		if start < end {
			w.buf = append(append(w.buf, (*line)[copied:start]...), redacted...)
			copied = end
		}
		i = end
	}
	w.replace(line, from, copied)
}

// memberValue returns the place of the text that belongs to the name at i, if that is
// one of the keys. What is cut off ends with the line.
func (w *Worker) memberValue(line []byte, i int) (start, end int, ok bool) {
	n := bytes.IndexByte(line[i:], '"')
	if n < 0 || !slices.ContainsFunc(w.g.query, func(key string) bool { return len(key) == n && bytes.EqualFold(line[i:i+n], []byte(key)) }) {
		return 0, 0, false
	}
	value := bytes.TrimLeft(line[i+n+1:], " \t:")
	if len(value) == 0 || value[0] != '"' {
		return 0, 0, false
	}
	start = len(line) - len(value) + 1
	for end = start; end < len(line) && line[end] != '"'; end++ {
		if line[end] == '\\' {
			end++
		}
	}
	return start, min(end, len(line)), true
}

var redactedValue = []byte(redacted)

// isSecret reports whether a variable has a value that no event may hold: that of one
// of the keys, or a secret.
func (w *Worker) isSecret(e *record.Pair) bool {
	if len(e.Value) == 0 || string(e.Value) == redacted {
		return false
	}
	if w.g.secret(e.Name) {
		return true
	}
	name, ok := strings.CutPrefix(e.Name, "arg_")
	if !ok {
		return false
	}
	for _, key := range w.g.query {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// redactSecrets replaces the values of such variables.
func (w *Worker) redactSecrets(r *record.Record) {
	for i := range r.Access.Extra {
		if e := &r.Access.Extra[i]; w.isSecret(e) {
			e.Value = redactedValue
		}
	}
}

// holdsBinaryAddress reports whether an address stands in the line as bytes.
func holdsBinaryAddress(r *record.Record) bool {
	for i := range r.Access.Extra {
		if r.Access.Extra[i].Name == binaryAddress {
			return true
		}
	}
	return false
}

// ReadsText reports whether AppendID and AppendHash read their text. For Hash they do
// not, so that the caller need not look for secrets in it.
func (w *Worker) ReadsText() bool { return w.g.mode != Hash }

// AppendID appends the id of the event of r to dst: 32 hexadecimal digits, the same
// ones whenever the line is read. text is what Record.Line says, without envelopes and
// secrets; see ReadsText. It must be called before Apply.
//
// Nobody can find out from an id what Apply hides. For Hash it depends on the key.
// Otherwise it is made of the line after hiding: without a key, an id of the whole
// line would show by trying which of the 256 addresses of a network it was. For the same
// reason the first line of the file is no part of it.
func (w *Worker) AppendID(dst []byte, r *record.Record, text []byte) []byte {
	w.reset()
	line := &r.Line
	if w.g.mode == Hash {
		w.id = append(line.AppendPlace(w.id[:0]), line.Text...)
		dst = w.pseudonym(dst, anID, w.id)
	} else {
		dst = w.appendDigest(dst, w.appendHiddenLine(line.AppendPlainPlace(w.id[:0]), r, text))
	}
	w.forgetLong()
	return dst
}

// AppendHash appends a hash of a log event to dst: 32 hexadecimal digits, of which a caller
// may take the first ones. place is what the hash is made of besides the line. message is
// the line with what is to be hidden, and text the line without envelopes and secrets, as
// for AppendID. It must be called before Apply, and gives nothing back, as AppendID.
func (w *Worker) AppendHash(dst []byte, r *record.Record, place, message, text []byte) []byte {
	w.reset()
	w.id = append(w.id[:0], place...)
	if w.g.mode == Hash {
		w.id = append(w.id, message...)
		dst = w.pseudonym(dst, aHash, w.id)
	} else {
		dst = w.appendDigest(dst, w.appendHiddenLine(w.id, r, text))
	}
	w.forgetLong()
	return dst
}

// appendDigest appends the digest of a line after hiding.
func (w *Worker) appendDigest(dst, hidden []byte) []byte {
	w.id = hidden
	sum := sha256.Sum256(hidden)
	return hex.AppendEncode(dst, sum[:pseudonymBytes/2])
}

// forgetLong bounds the buffers that are kept from line to line.
func (w *Worker) forgetLong() {
	if cap(w.id) > maxKept {
		w.id, w.sum = nil, nil
	}
}

// appendHiddenLine appends what an id may be made of. All addresses are hidden, since
// an id must not change when the nodes of an NLB do.
func (w *Worker) appendHiddenLine(dst []byte, r *record.Record, text []byte) []byte {
	if r.Continues != nil {
		// This part of a message alone may hold a value without the name that
		// reveals it.
		return append(dst, r.Continues...)
	}
	if w.hideLine(r, &text, func(netip.Addr) bool { return false }); text != nil {
		return append(dst, text...)
	}
	if r.HasTimestamp {
		return binary.BigEndian.AppendUint64(dst, uint64(r.Timestamp))
	}
	return dst
}

// replaceWord replaces each occurrence of a word that is not part of a longer word.
// It reports whether there was one.
func (w *Worker) replaceWord(text *[]byte, word, by []byte) bool {
	from := len(w.buf)
	copied := 0
	for i := 0; ; {
		n := bytes.Index((*text)[i:], word)
		if n < 0 {
			break
		}
		start, end := i+n, i+n+len(word)
		if start > 0 && address.IsWord((*text)[start-1]) && address.IsWord(word[0]) ||
			end < len(*text) && address.IsWord((*text)[end]) && address.IsWord(word[len(word)-1]) {
			i = start + 1
			continue
		}
		w.buf = append(append(w.buf, (*text)[copied:start]...), by...)
		copied, i = end, end
	}
	w.replace(text, from, copied)
	return copied > 0
}
