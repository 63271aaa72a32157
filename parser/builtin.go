package parser

// builtins are the formats that have a name here. None reads a line of another one:
// they differ after the part that all have in common.
//
//   - combined is built into nginx.
//   - main is in the nginx.conf of nginx.org's packages and of the Docker image.
//   - ingress is the default of ingress-nginx, which calls it upstreaminfo (its
//     documentation, "Log format").
//   - upstream_time is in the NGINX documentation ("Configuring logging"), without
//     a space before rt.
//   - timed_combined is in many public configurations.
//   - main_real_ip and clearhop are ours.
//
// docs/architecture.md lists what else a new format needs.
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

// CombinedExtra is the name of a format that reads combined with any text after it.
// The text goes into Access.Extra under the name "trailing", without its escapes.
// The format also reads the lines of most other formats. So it must always be tried
// last, and it is not one of BuiltinNames.
const CombinedExtra = "combined_extra"

const combinedExtra = `log_format combined_extra '$remote_addr - $remote_user [$time_local] '
    '"$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" $trailing';`

// Recommended is the name of the format with everything that shows the chain. It
// begins like combined and main, for programs that read those.
const Recommended = "clearhop"

// Builtin returns the log_format directive of a built-in format: one of
// BuiltinNames, or CombinedExtra.
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

// BuiltinNames returns the names of the built-in formats, the most frequent first.
// A line fits one of them at most.
func BuiltinNames() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	return names
}
