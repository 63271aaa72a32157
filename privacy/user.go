package privacy

import (
	"bytes"

	"clearhop/record"
)

// hideUser replaces a user's name by a pseudonym, or removes it if addresses are
// truncated. nginx writes the name into access lines and into error lines about
// passwords.
func (w *Worker) hideUser(r *record.Record) {
	name := r.Access.RemoteUser
	r.Access.RemoteUser = nil
	if r.Dataset == record.ErrorLogLine {
		name = userOf(r.Error.Message)
	}
	if len(name) == 0 {
		return
	}
	from := len(w.alias)
	if w.g.mode == Hash {
		w.alias = w.pseudonym(w.alias, aUser, name)
	} else {
		w.alias = append(w.alias, redacted...)
	}
	hidden := w.alias[from:len(w.alias):len(w.alias)]
	if r.Dataset == record.ErrorLogLine {
		w.replaceWord(&r.Error.Message, name, hidden)
	}
	// If nginx escaped the name, it cannot be found in the line: then no part of
	// the line is kept.
	if r.Original != nil && !w.replaceWord(&r.Original, name, hidden) {
		r.Original = nil
	}
	if w.g.mode == Hash && r.Dataset == record.AccessLine {
		r.Access.RemoteUser = hidden
	}
}

// userOf returns the name in a message of ngx_http_auth_basic_module:
//
//	user "NAME": password mismatch
//	user "NAME" was not found in "/etc/nginx/htpasswd"
func userOf(message []byte) []byte {
	rest, ok := bytes.CutPrefix(message, []byte(`user "`))
	if !ok {
		return nil
	}
	for _, end := range [...]string{`": password mismatch`, `" was not found in "`} {
		if i := bytes.Index(rest, []byte(end)); i >= 0 {
			return rest[:i]
		}
	}
	return nil
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
		if start > 0 && isWord((*text)[start-1]) && isWord(word[0]) ||
			end < len(*text) && isWord((*text)[end]) && isWord(word[len(word)-1]) {
			i = start + 1
			continue
		}
		w.buf = append(append(w.buf, (*text)[copied:start]...), by...)
		copied, i = end, end
	}
	w.replace(text, from, copied)
	return copied > 0
}
