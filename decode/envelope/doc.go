// Package envelope takes off what log routers wrap around a line of nginx.
//
//	inner, scratch := envelope.Open(text, scratch[:0], &e)
//
// Envelopes are told by content, and up to [record.MaxEnvelopes] of them may
// stand one in the other: syslog in FireLens, Docker's JSON in Kubernetes. What
// they say beside the line goes into a [record.Envelope]; where two of them say
// the same thing, the outer one counts, since the inner one is nearer to
// whoever sent the request.
//
//	kind           sample
//	firelens       {"source":"stdout","log":"…","container_id":"43…","container_name":"/ecs-web-7-nginx","ecs_task_arn":"arn:…"}
//	kubernetes     {"log":"…","stream":"stdout","kubernetes":{"namespace_name":"shop","pod_name":"web-0"}}
//	docker         {"log":"…\n","stream":"stdout","time":"2026-11-22T11:00:25.123456789Z"}
//	cri            2026-11-22T11:00:25.123456789Z stdout F …
//	compose        web-1  | …
//	syslog         <190>Nov 22 11:00:25 host nginx: …
//	               <190>1 2026-11-22T11:00:25Z host nginx 123 - - …
//	cloudwatch_transformer
//	               {"@message":"…","@logStream":"web"}, and others that keep the line in message, msg or MESSAGE
//
// Only the start of a line tells: what a client sends cannot stand there,
// unless a log_format begins with it. What is broken, or looks like an
// envelope but is none, is returned as it came.
//
// # JSON
//
// The line is the member log, if that is text; else the first of message,
// @message, msg and MESSAGE that is text; else the member log if that is an
// object, which is how a JSON filter of the router leaves a line that was JSON
// itself. The last needs one of the members that only a router writes:
// container_id, container_name, ecs_cluster, ecs_task_arn,
// ecs_task_definition, or an object kubernetes.
//
// Nginx writes JSON as well, so an object with a key of an access log is no
// envelope, unless it has text in log and one of those members. Keys are
// compared without regard to case and to "_", "-", ".", "$" and "@". Of an
// access log is one that begins with bodybytes, client, http, nginx,
// proxyprotocol, realip, referer, referrer, remote, request, response, ssl,
// upstream, uri, url, useragent or xforwardedfor; that is args, bytes,
// bytessent, ip, method, msec, query, querystring, req, res, serverprotocol,
// timeiso8601, timelocal, verb or xff; that is agent with text; or that is
// status or statuscode with three digits.
//
// # Time
//
// The time of JSON is the text of time, @timestamp or timestamp in the form of
// RFC 3339, or journald's __REALTIME_TIMESTAMP. RFC 3164 has neither year nor
// zone, so its time is left out.
//
// # Compose
//
// The name ends in "-1" or "_1" or another number. Compose pads it with at
// least two spaces; with one space only, which a log_format like
// '$hostname | $remote_addr | …' has as well, there must be no other " | "
// before the first quote.
//
// # Partial lines
//
// Container runtimes cut lines at 16 KiB. A fragment is not searched for more
// envelopes; [Joiner] puts those of one batch together. A fragment is marked by
// CRI's P, by Docker's missing "\n" (where the object has no members but log,
// stream, time and attrs), by partial_message without partial_last, by
// CONTAINER_PARTIAL_MESSAGE, or by logtag or _p that is P.
//
// # Lifetime and concurrency
//
// What is returned aliases the text and the scratch space. The text is never
// changed. The functions are safe for concurrent use; a Joiner is for one
// goroutine. In the steady state nothing is allocated.
package envelope
