package privacy

import (
	"bytes"

	"clearhop/record"
)

// hideUser replaces a user's name by a pseudonym, or removes it if addresses are
// truncated. nginx writes the name into access lines and into error lines about
// passwords.
func (w *Worker) hideUser(r *record.Record) {
	name := userIn(r)
	r.Access.RemoteUser = nil
	if len(name) == 0 {
		return
	}
	hidden := w.hiddenUser(name)
	if r.Dataset == record.ErrorLogLine {
		w.replaceWord(&r.Error.Message, name, hidden)
	}
	if w.g.mode == Hash && r.Dataset == record.AccessLine {
		r.Access.RemoteUser = hidden
	}
}

// userIn returns the name of the user in r; nil if there is none.
func userIn(r *record.Record) []byte {
	if r.Dataset == record.ErrorLogLine {
		return userOf(r.Error.Message)
	}
	return r.Access.RemoteUser
}

// hiddenUser returns what stands in the place of a name.
func (w *Worker) hiddenUser(name []byte) []byte {
	from := len(w.alias)
	if w.g.mode == Hash {
		w.alias = w.pseudonym(w.alias, aUser, name)
	} else {
		w.alias = append(w.alias, redacted...)
	}
	return w.alias[from:len(w.alias):len(w.alias)]
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
	// nginx cuts long lines, also inside a long name.
	if i := bytes.LastIndexByte(rest, '"'); i >= 0 {
		return rest[:i]
	}
	return rest
}
