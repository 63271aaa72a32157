package parser

import (
	"slices"
	"strings"
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
		reasons = append(reasons, "With escape=none a visitor can write whole lines into this log. Use escape=default or escape=json.")
	}
	if len(f.steps) == 0 || len(f.prefix) > 0 {
		return reasons
	}
	if name := f.steps[0].variable.name; isClientText(name) {
		reasons = append(reasons, "A line begins with $"+name+", which a visitor writes: he can make it look like another kind of line. Begin the log_format with $remote_addr or a time.")
	}
	return reasons
}

func isClientText(name string) bool {
	return slices.ContainsFunc(clientText, func(text string) bool {
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
