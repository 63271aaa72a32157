package parser

// builtins are the formats that can be named. The first two are nginx's own;
// the docker image's nginx.conf defines main.
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
}

// Recommended is the name of the format that tells all that can be told of the
// chain. It starts as combined and main do, so that what reads those reads it.
const Recommended = "clearhop"

// Builtin returns the log_format directive of a format that can be named.
func Builtin(name string) (directive string, ok bool) {
	for _, b := range builtins {
		if b.name == name {
			return b.directive, true
		}
	}
	return "", false
}

// BuiltinNames returns the names of the formats that can be named.
func BuiltinNames() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	return names
}
