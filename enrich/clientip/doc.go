// Package clientip says who sent a request, how that is known, and what is
// wrong with the chain of proxies that should have said so.
//
// In goes the Evidence of one log record, the values of the nginx variables
// that a chain like this one leaves:
//
//	client ── NLB ── edge nginx ── web nginx
//	     PROXY protocol   X-Forwarded-For, X-Real-IP
//
// Out comes an Answer: the client's address, a verdict, the reason for it, the
// hop at fault, and what the visitor merely claimed. The rules stand in
// docs/verdicts.md; the walk over X-Forwarded-For is nginx's own
// (ngx_http_get_forwarded_addr in src/http/ngx_http_core_module.c), down to
// which texts it takes for an address.
//
// This is the security decision of the project, so the package does no I/O and
// keeps no state: the same evidence always gives the same answer, and no
// address of a proxy is ever the client.
//
//	r, err := clientip.New(clientip.Config{NLB: nlb, Trusted: trusted})
//	var a clientip.Answer
//	r.Resolve(&evidence, &a)
//
// A Resolver is immutable and safe for concurrent use. An Answer is used again
// from record to record and belongs to one goroutine; its Claimed and
// Address alias the evidence. It remembers the last plain record, so that one that
// differs in the client's address only is answered without reading the rules again.
package clientip
