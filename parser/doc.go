// Package parser turns lines of an nginx log into records.
//
// In goes a log_format as it is written in nginx.conf. It is compiled once:
//
//	f, err := parser.Compile(`log_format main '$remote_addr - [$time_local] "$request"';`)
//
// Then each line goes in, and a [record.Record] with its values comes out:
//
//	err := f.Parse(line, rec)
//
// A Format is a plan. It has the fixed text between the variables. For each
// variable, it knows where the value ends, how it is escaped and which field of
// the record it fills. Compile refuses a log_format whose lines cannot be read
// back, with the place and the reason. Parse uses no regular expression, no map
// and no reflection. It allocates nothing for a line that matches.
//
// These read everything else that a stream of nginx holds:
//
//   - JSONFormat reads access logs in JSON.
//   - ParseErrorLine reads lines of the error log.
//   - ParseChatter reads what the entrypoint of the nginx image writes.
//   - ParseConf finds the formats of a whole nginx.conf.
//   - A Set holds several formats, for streams whose lines have any of them.
//   - Guess marks the columns of a format that nobody named.
//   - Settings are the operator's texts; Settings.Compile compiles them.
//
// # Where a value ends
//
// A value ends at the fixed text that follows it. In two cases that is exact: the
// text has a byte that nginx escapes in values, such as a quote; or the value
// cannot contain the text, such as a number or an address before a space. The
// $upstream_* lists have a grammar of their own, with ", " between tries and " : "
// between groups. It has one weakness: if the text after an unquoted list starts
// with ": ", it is read as one more item.
//
// In all other cases the value may contain the text. $remote_user before " [" is
// the most frequent case, $http_user_agent without quotes the worst. Such a value
// ends at the first place from which the rest of the line fits the format, with
// times and numbers in their places. If several places fit, the visitor can make
// the value end early. Quotes in the log_format prevent that.
//
// # Absent and empty
//
// With escape=default nginx writes "-" for a variable without a value: the field
// of the record is nil. An empty value gives an empty field that is not nil. With
// escape=json and escape=none nginx writes nothing in both cases, and both give
// nil.
//
// # Lifetime and concurrency
//
// Values in the record alias the line. A value whose escapes were undone is in the
// record's scratch space. A Format is immutable and safe for concurrent use. A Set
// is for one goroutine, because it remembers which of Auto's formats matched last.
package parser
