// Package accesslog writes lines of an nginx access log, with the client that was
// found in the place of $remote_addr. Programs that read nginx's logs then show the
// clients: GoAccess, lnav, fail2ban, AWStats.
//
//	template, err := parser.ParseTemplate("combined", parser.ReadConf)
//	w := accesslog.New(accesslog.Config{Template: template})
//	dst, fate := w.Append(dst, rec)
//
// In goes a [record.Record] that was parsed and enriched. Out comes the line that
// nginx would have written of the same request in the other log_format: with its
// escapes, with "-" for what is absent, and with its way to write times, numbers and
// the lists of upstream servers. A line of combined that was read as clearhop
// becomes:
//
//	210.227.0.10 - - [22/Nov/2026:11:00:25 +0000] "GET /hello HTTP/1.1" 200 3 "-" "curl/8.5.0"
//
// A variable that the line did not have is written as if it had no value.
//
// # The client
//
// Many programs act on the address: fail2ban closes the firewall for it. A visitor
// can write any address into X-Forwarded-For. So a client is known only if a trusted
// hop vouches for it and no other field disputes it; for all others, the line has
// "-". Config.Unvouched also takes the word of visitors.
//
// # As they came
//
// Without a Template, lines are written as they came, and only the address in the
// place of $remote_addr is another one. AppendText does this, before anything is
// hidden in the record.
//
// # Concurrency
//
// A Writer is immutable and safe for concurrent use. Nothing is kept of a record. In
// the steady state, nothing is allocated.
package accesslog
