package parser

import (
	"slices"
	"strings"

	"clearhop/record"
)

// clientText are the beginnings of names of variables whose first byte a visitor writes.
var clientText = []string{
	"http_", "arg_", "cookie_", "request_uri", "host", "uri", "document_uri", "args", "query_string",
	"remote_user", "request", "proxy_add_x_forwarded_for", "ssl_server_name", "ssl_preread_server_name",
}

// Forgeable returns why a visitor can write more than his values into lines of the
// format, as sentences for the operator, each with what to do. It returns nothing for
//
//	'$remote_addr [$time_local] "$request" …'
//
// and a sentence each for escape=none and for '$http_x_forwarded_for - …'.
func (f *Format) Forgeable() []string {
	var reasons []string
	if f.escape == EscapeNone {
		reasons = append(reasons, "With escape=none a visitor can write whole lines into this log, so no client is vouched for in a column that he can write. Use escape=default or escape=json.")
	}
	if f.escape != EscapeNone && f.forgeable != 0 {
		reasons = append(reasons, "A visitor's text stands without quotes in front of an address, or around it, so a visitor can write this address, and nobody vouches for it. Write quotes around the variable, or log the address first.")
	}
	if len(f.steps) == 0 || len(f.prefix) > 0 {
		return reasons
	}
	if name := f.steps[0].variable.name; isClientText(name) {
		reasons = append(reasons, "A line begins with $"+name+", which a visitor writes: he can make it look like another kind of line. Begin the log_format with $remote_addr or a time.")
	}
	return reasons
}

// ForgeableColumns returns the columns of addresses that a visitor can write. A Record
// says that they are guessed.
func (f *Format) ForgeableColumns() record.Logged { return f.forgeable }

func isClientText(name string) bool { return isOneOf(clientText, name) }

// isOneOf reports whether a name is in a list, or begins like an entry that ends in "_".
func isOneOf(list []string, name string) bool {
	return slices.ContainsFunc(list, func(text string) bool {
		return name == text || strings.HasSuffix(text, "_") && strings.HasPrefix(name, text)
	})
}

// Format returns the log_format of that name as a Record names it; nil if the Set has
// none.
func (s *Set) Format(name string) *Format {
	for _, f := range s.formats {
		if format, ok := f.(*Format); ok && (f.Name() == name || f.Name() == "" && name == unnamed) {
			return format
		}
	}
	return nil
}

// oneLine are the beginnings of names of variables whose values a visitor writes, but
// without line breaks: nginx reads them from one line of the request.
var oneLine = []string{
	"http_", "arg_", "cookie_", "request_uri", "host", "args", "query_string", "request",
	"proxy_add_x_forwarded_for", "the_real_ip", "ssl_server_name", "ssl_alpn_protocol", "content_type", "content_length",
}

// forgeableColumns returns the columns of addresses that a visitor can write, because
// what he sends stands before them, or in them, and nothing shows where it ends.
//
// With escape=none he writes quotes, so the columns behind his first text are his. If a
// value can hold line breaks ($uri and $remote_user are decoded), all columns are: he
// begins a line of his own. In the other modes quotes are safe, but a text without
// quotes can look like the next columns:
//
//	'$remote_addr - $remote_user [$time_local] "$request" …'     none
//	'$http_x_forwarded_for - $remote_addr [$time_local] …'       both addresses
//	escape=none '$remote_addr "$request" "$http_x_real_ip"'      $http_x_real_ip
//	escape=none '$remote_addr "$uri"'                            $remote_addr
func (f *Format) forgeableColumns() record.Logged {
	var columns record.Logged
	forged := false // whether a visitor may have written what comes next
	for i := range f.steps {
		st := &f.steps[i]
		if forged {
			columns |= st.variable.logged
		}
		last := i == len(f.steps)-1
		switch {
		case f.escape != EscapeNone && st.marked:
			forged = false // only nginx writes this mark
		case f.escape != EscapeNone && st.mayHoldNext() && !last:
			columns |= st.variable.logged
			forged = true
		case f.escape == EscapeNone && !st.variable.isOfNginx():
			columns |= st.variable.logged
			forged = true
			if !isOneOf(oneLine, st.variable.name) {
				return f.logged & addresses
			}
		}
	}
	return columns & addresses
}

// addresses are the variables that can name a client.
const addresses = record.LoggedRemoteAddr | record.LoggedRealipRemoteAddr | record.LoggedProxyProtocolAddr | headers

// mayHoldNext reports whether a visitor can write the fixed text behind the value into
// the value. nginx takes no host with a blank.
func (st *step) mayHoldNext() bool {
	v := &st.variable
	if v.name == "host" || v.name == "ssl_server_name" {
		return !strings.ContainsAny(string(st.literal), " \t")
	}
	return isClientText(v.name)
}

// isOfNginx reports whether nginx writes the value: an address, a number, a time or a
// word of its own.
func (v *variable) isOfNginx() bool {
	switch v.kind {
	case kindText, kindRequest:
		return false
	}
	return !isOneOf(oneLine, v.name)
}
