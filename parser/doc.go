// Package parser turns lines of an nginx log into records.
//
// In goes the log_format as it stands in nginx.conf, compiled once:
//
//	f, err := parser.Compile(`log_format main '$remote_addr - [$time_local] "$request"';`)
//
// and then line after line:
//
//	err := f.Parse(line, rec)
//
// A Format is a plan: the fixed text between the variables, and for each
// variable where its value ends, how it is escaped and which field of the
// record it fills. A log_format that cannot be read back is refused by Compile
// with the place and the reason; Parse uses no regular expression, no map and
// no reflection, and allocates nothing for a line that matches.
//
// JSONFormat reads JSON access logs, ParseConf the formats of a whole nginx.conf,
// ParseErrorLine the lines of the error log that stand in the same stream, and
// ParseChatter what the entrypoint of the nginx image says. A Set holds several
// formats for streams in which any of them may come next. Settings are the
// operator's texts; Settings.Compile makes the Sets of them.
//
// # Where a value ends
//
// A value reaches to the fixed text that follows it. That is exact where the
// text holds a byte that nginx escapes in values, such as a quote, and where the
// value itself cannot hold the text: a number, an address before a space. The
// $upstream_* lists are read by their own grammar, ", " between tries and " : "
// between groups, as far as that goes: a text behind an unquoted list that starts
// with ": " is taken for one more item.
//
// Elsewhere the value may hold the text: $remote_user before " [" is the usual
// one, $http_user_agent without quotes the worst. Such a value ends at the first
// place from which all the rest of the line fits the format, with times where
// times must be and numbers where numbers must be. If more than one place will
// do, the visitor can make the value end early; quotes in the log_format are
// what prevents that.
//
// # Absent and empty
//
// With escape=default nginx writes "-" for a variable without a value: it is
// absent in the record (nil). An empty value is empty, not nil. With
// escape=json and escape=none nginx writes nothing in both cases, and both are
// absent.
//
// # Lifetime and concurrency
//
// Values in the record alias the line, or the record's scratch space where an
// escape had to be undone. A Format is immutable and safe for concurrent use;
// a Set remembers which of its formats matched last and is not.
package parser
