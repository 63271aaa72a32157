// Package envelope removes what log routers, and the viewers of logs, wrap around a line
// of nginx.
//
// In goes a line as it was collected. Out come the line that nginx wrote and a
// [record.Envelope] with what the envelopes say about it: the time, the
// container, its platform.
//
//	inner, scratch := envelope.Open(text, scratch[:0], &e)
//
// Open recognizes envelopes by their content. They may be nested, up to
// [record.MaxEnvelopes] deep: syslog in FireLens, Docker's JSON in Kubernetes. If
// two of them say the same thing, the outer one wins, because the inner one is
// closer to whoever sent the request.
//
//	kind           sample
//	firelens       {"source":"stdout","log":"…","container_id":"43…","container_name":"/ecs-web-7-nginx","ecs_task_arn":"arn:…"}
//	kubernetes     {"log":"…","stream":"stdout","kubernetes":{"namespace_name":"shop","pod_name":"web-0"}}
//	docker         {"log":"…\n","stream":"stdout","time":"2026-11-22T11:00:25.123456789Z"}
//	cri            2026-11-22T11:00:25.123456789Z stdout F …
//	compose        web-1  | …
//	syslog         <190>Nov 22 11:00:25 host nginx: …
//	               <190>1 2026-11-22T11:00:25Z host nginx 123 - - …
//	               Sun 2026-11-22 11:00:25 UTC host nginx[123]: …, and other forms of journalctl
//	cloudwatch_transformer
//	               {"@message":"…","@logStream":"web"}, and others with the line in message, msg or MESSAGE
//	timestamped    2026-11-22T11:00:25.123456789Z …
//	aws_logs_tail  2026-11-22T11:00:25.123000+00:00 web/nginx/0f9d …
//	kubectl        [pod/web-0/nginx] …
//	stern          {"message":"…","podName":"web-0","containerName":"nginx"}
//	opentelemetry  {"body":"…","attributes":{…},"resource":{"k8s.pod.name":"web-0"}}
//	               {"body":{"stringValue":"…"},"timeUnixNano":"…","attributes":[…]}, of OTLP
//	json_text      "…", or [1795345225123,"…"], of jq
//	fluentd        2026-11-22T11:00:25+00:00	nginx.access	{…}
//	fluent_bit     [0] tail.0: [[1795345225.123, {}], {"log"=>"…"}]
//
// Only the start of a line decides whether it is in an envelope. A client cannot
// write there, unless a log_format begins with a value that the client sends. A
// line with a broken envelope, or with something that only looks like an
// envelope, is returned unchanged.
//
// # Doubtful prefixes
//
// A log_format could have written some prefixes as well: two names (stern, awslogs), a
// name and a bar, the name of a file (grep), a name alone (podman). [OpenDoubtful] opens
// them, only in front of what begins like a line that bears a time itself. A caller asks
// the formats of the stream first. A name alone may be $host, which the visitor chooses:
// in front of an access line a caller wants other evidence that it is a container's.
//
// A program that writes to a terminal colours its prefix. The colours are removed with
// it, if the line begins with one.
//
// # JSON
//
// An object is an envelope if it holds the line in one of these members. The
// first that fits wins:
//
//  1. log, if it is text;
//  2. body, if it is text or an object, and attributes or resource is an object;
//  3. the first of message, @message, msg and MESSAGE that is text;
//  4. @message, if it is an object, or message, if it is one and the others name a
//     pod and a container;
//  5. log_processed, if it is an object;
//  6. log, if it is an object and the envelope has a member that only a log
//     router writes: container_id, container_name, ecs_cluster, ecs_task_arn,
//     ecs_task_definition, or an object kubernetes. This is what remains of a
//     line of JSON when the router parses it;
//  7. beside such a member, the first object with a key of an access log;
//  8. the object itself, if its members are those of Fluent Bit's parser for
//     ingress-nginx, which calls $remote_addr host.
//
// nginx can write JSON too. So an object with a key of an access log is not an
// envelope, unless one of the router's members is there. Then it is one if log is text.
// Without log, the router has parsed the line: the inner line is the object without the
// router's members. These
// are keys of an access log, whatever their case, and without "_", "-", ".", "$"
// and "@":
//
//   - those that begin with bodybytes, client, http, nginx, proxyprotocol,
//     realip, referer, referrer, remote, request, response, ssl, upstream, uri,
//     url, useragent or xforwardedfor;
//   - args, bytes, bytessent, ip, method, msec, query, querystring, req, res,
//     serverprotocol, timeiso8601, timelocal, verb and xff;
//   - agent, if it is text;
//   - status and statuscode, if they have three digits.
//
// # Time
//
// The time in JSON is the text of time, @timestamp or timestamp in the form of
// RFC 3339, journald's __REALTIME_TIMESTAMP, timestamp or ts in milliseconds,
// timeUnixNano of OTLP, or date of Fluent Bit in seconds. A time of RFC 3164 has no
// year and no zone, so it is not used, and that since the start of a machine neither.
//
// # Compose
//
// The name ends in "-1", "_1" or another number. Compose writes at least two
// spaces after it. A log_format such as '$hostname | $remote_addr | …' writes one
// space, so after one space the line must have no other " | " before its first
// quote.
//
// # Partial lines
//
// Container runtimes cut lines at 16 KiB. [Open] does not look for more envelopes
// in a fragment; a [Joiner] joins the fragments of one batch first. These mark a
// fragment:
//
//   - the tag P of CRI;
//   - no "\n" at the end of log, in Docker's JSON: an object that has no members
//     except log, stream, time and attrs;
//   - partial_message without partial_last;
//   - CONTAINER_PARTIAL_MESSAGE;
//   - the value P of logtag or _p.
//
// # Lifetime and concurrency
//
// Returned slices alias the text and the scratch space. The text is never
// changed. The functions are safe for concurrent use; a Joiner is for one
// goroutine. In the steady state nothing is allocated.
package envelope
