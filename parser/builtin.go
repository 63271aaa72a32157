package parser

// builtins are the formats that can be named. None reads a line of another one:
// they differ in what follows the part that all share. combined is nginx's own,
// main stands in the nginx.conf of nginx.org's packages and of the docker image.
// ingress is the default of ingress-nginx, where it is called upstreaminfo (its
// documentation, "Log format"). upstream_time stands in the NGINX documentation,
// "Configuring logging", without a space before rt; timed_combined is passed on
// in many public configurations.
var builtins = []struct{ name, directive string }{
	{"combined", `log_format combined '$remote_addr - $remote_user [$time_local] '
    '"$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"';`},
	{"main", `log_format main '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for"';`},
	{"main_real_ip", `log_format main_real_ip '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for" "$http_x_real_ip"';`},
	{"clearhop", `log_format clearhop '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" "$http_x_forwarded_for" "$http_x_real_ip" '
    '$realip_remote_addr $proxy_protocol_addr "$host" $request_id '
    '$msec $request_time $request_length $scheme '
    '"$upstream_addr" "$upstream_status" "$upstream_response_time"';`},
	{"ingress", `log_format ingress '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent" '
    '$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr '
    '$upstream_response_length $upstream_response_time $upstream_status $req_id';`},
	{"upstream_time", `log_format upstream_time '$remote_addr - $remote_user [$time_local] '
    '"$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent"'
    'rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" urt="$upstream_response_time"';`},
	{"timed_combined", `log_format timed_combined '$remote_addr - $remote_user [$time_local] '
    '"$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" '
    '$request_time $upstream_response_time $pipe';`},
}

// CombinedExtra is the name of the format that reads combined and keeps all
// that follows it in Access.Extra under the name "trailing", escapes undone. It
// reads the lines of most other formats too, so that it is for the lines that
// no other one reads: it is not among BuiltinNames and must be tried last,
// whatever matched before.
const CombinedExtra = "combined_extra"

const combinedExtra = `log_format combined_extra '$remote_addr - $remote_user [$time_local] '
    '"$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" $trailing';`

// Recommended is the name of the format that tells all that can be told of the
// chain. It starts as combined and main do, so that what reads those reads it.
const Recommended = "clearhop"

// Builtin returns the log_format directive of a format that can be named: one
// of BuiltinNames, or CombinedExtra.
func Builtin(name string) (directive string, ok bool) {
	if name == CombinedExtra {
		return combinedExtra, true
	}
	for _, b := range builtins {
		if b.name == name {
			return b.directive, true
		}
	}
	return "", false
}

// BuiltinNames returns the names of the built-in formats of which each line
// fits one at most, the usual ones first.
func BuiltinNames() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	return names
}
