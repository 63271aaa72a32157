package record

// Access is what nginx logged of one request. The comment of each field names
// the nginx variable it holds.
type Access struct {
	// Logged tells which of the fields that lead to the client the log_format
	// carries: a field that is absent although logged tells something, one
	// that was never logged does not.
	Logged Logged
	// Guessed are those of them whose columns are only supposed to hold the
	// variable: nobody named the log_format, or a visitor can write the column.
	// What they say is never vouched for.
	Guessed Logged

	RemoteAddr        []byte // $remote_addr
	RemotePort        Int    // $remote_port
	RealipRemoteAddr  []byte // $realip_remote_addr
	RealipRemotePort  Int    // $realip_remote_port
	ProxyProtocolAddr []byte // $proxy_protocol_addr
	ProxyProtocolPort Int    // $proxy_protocol_port
	XForwardedFor     []byte // $http_x_forwarded_for
	XRealIP           []byte // $http_x_real_ip
	// Forwarded is $proxy_add_x_forwarded_for: X-Forwarded-For with $remote_addr
	// behind it. Parsers also fill those two fields from it.
	Forwarded   []byte
	VPCEndpoint []byte // $proxy_protocol_tlv_0xEA, its subtype byte cut off

	RemoteUser    []byte // $remote_user
	Method        []byte // $request_method, or the request line's
	RequestTarget []byte // $request_uri, or the request line's
	URI           []byte // $uri, $document_uri: normalised, decoded
	Args          []byte // $args, $query_string
	Protocol      []byte // $server_protocol, or the request line's: HTTP/1.1
	// Request is $request, the whole line as the client sent it. The parser takes
	// it apart into Method, RequestTarget and Protocol, or keeps it in BadRequest.
	Request []byte
	// BadRequest is $request where it is no request line at all: what a
	// scanner, a TLS client or a PROXY protocol header sent.
	BadRequest []byte

	Host       []byte // $host
	HTTPHost   []byte // $http_host
	ServerName []byte // $server_name
	ServerPort Int    // $server_port
	Scheme     []byte // $scheme
	HTTPS      []byte // $https: "on" or empty

	Status        Int    // $status
	BodyBytesSent Int    // $body_bytes_sent, bytes without the header
	BytesSent     Int    // $bytes_sent, bytes with the header
	RequestLength Int    // $request_length, bytes: line, header and body; or $bytes_received
	RequestTime   Int    // $request_time or $session_time, in nanoseconds
	ContentType   []byte // $sent_http_content_type
	RequestID     []byte // $request_id
	Referer       []byte // $http_referer
	UserAgent     []byte // $http_user_agent

	TLSProtocol   []byte // $ssl_protocol
	TLSCipher     []byte // $ssl_cipher
	TLSServerName []byte // $ssl_server_name

	CacheStatus []byte     // $upstream_cache_status
	Upstream    []Upstream // the $upstream_* lists, one entry per try
	Extra       []Pair     // every other variable, in the order of the log_format
}

// An Upstream is one try at an upstream server.
type Upstream struct {
	Address       []byte // $upstream_addr
	Status        Int    // $upstream_status
	ConnectTime   Int    // $upstream_connect_time, in nanoseconds
	HeaderTime    Int    // $upstream_header_time, in nanoseconds
	ResponseTime  Int    // $upstream_response_time, in nanoseconds
	ResponseBytes Int    // $upstream_response_length, bytes
	CacheStatus   []byte // $upstream_cache_status
	// Redirected is set if an internal redirect of nginx led to this try: then
	// " : " stands before it in the lists, and ", " otherwise.
	Redirected bool
}

// UpstreamAsked reports whether nginx turned to an upstream: it logs the
// variables of one as "-" where it did not.
func (a *Access) UpstreamAsked() bool {
	for i := range a.Upstream {
		if u := &a.Upstream[i]; u.Address != nil || u.Status.Valid {
			return true
		}
	}
	return false
}

// Logged is a set of the variables that lead to the client.
type Logged uint16

// The members of Logged.
const (
	LoggedRemoteAddr Logged = 1 << iota
	LoggedRealipRemoteAddr
	LoggedProxyProtocolAddr
	LoggedXForwardedFor
	LoggedXRealIP
	LoggedUserAgent
	LoggedRequest
	LoggedStatus
	// LoggedUnnamed is none of the variables: the line has values of which nobody
	// knows the variable, so that a variable that is missing may stand there.
	LoggedUnnamed
	// LoggedOtherPeer is none of the variables: the lines of the stream as a whole
	// show another column that may be the peer's address. RemoteAddr may then be
	// what a visitor wrote into a header, and the line cannot acquit the chain. In
	// Guessed it says that the column of RemoteAddr was chosen from several, because
	// it behaves as the peer's.
	LoggedOtherPeer
)

// Has reports whether all of v are in the set.
func (l Logged) Has(v Logged) bool { return l&v == v }
