package analytics

import "slices"

// A Dimension is what requests are grouped and filtered by. Its value is a text; requests
// that have none have the empty one.
type Dimension struct {
	ID    string // country: part of addresses and files, so it never changes
	Title string // Countries
	None  string // how a person calls the requests that have no value
	Board bool   // it is shown as a list of its own

	// SQL is an expression over a row of the view requests. It is the same in both
	// dialects, and NULL or the empty text if there is no value.
	SQL string
	// Label is one more expression: what a person reads beside the value. It depends on
	// the value only. Empty if the value says all.
	Label string
}

// Dimensions returns all dimensions in the order in which they are shown.
func Dimensions() []Dimension { return slices.Clone(dimensions) }

// FindDimension returns the dimension of an ID.
func FindDimension(id string) (Dimension, bool) {
	i := slices.IndexFunc(dimensions, func(d Dimension) bool { return d.ID == id })
	if i < 0 {
		return Dimension{}, false
	}
	return dimensions[i], true
}

var dimensions = []Dimension{
	{ID: "country", Title: "Countries", None: "country not known", Board: true, SQL: "client_country", Label: "client_country_name"},
	{ID: "network", Title: "Networks", None: "network not known", Board: true, SQL: "client_as_org"},
	{ID: "client", Title: "Clients", None: "no client", Board: true, SQL: "client"},
	{ID: "path", Title: "Paths", None: "no path", Board: true, SQL: "path"},
	{ID: "status", Title: "Status", None: "no status", Board: true, SQL: "cast(status AS varchar)"},
	{ID: "host", Title: "Hosts", None: "no host", Board: true, SQL: "host"},
	{ID: "referrer", Title: "Referrers", None: "no referrer", Board: true, SQL: "nullif(regexp_extract(referrer, '^[A-Za-z]+://([^/?#]+)', 1), '')"},
	{ID: "agent", Title: "User agents", None: "agent not known", Board: true, SQL: "agent_name"},
	{ID: "system", Title: "Systems", None: "system not known", Board: true, SQL: "agent_os"},
	{ID: "method", Title: "Methods", None: "no method", Board: true, SQL: "method"},
	{ID: "protocol", Title: "Protocols", None: "no protocol", Board: true, SQL: "http_version"},
	{ID: "verdict", Title: "Verdicts", None: "no verdict", Board: true, SQL: "verdict"},
	{ID: "reason", Title: "Reasons", None: "no reason", Board: true, SQL: "reason"},
	{ID: "hop", Title: "Hops", None: "hop not known", Board: true, SQL: "hop"},
	{ID: "node", Title: "NLB nodes and other peers", None: "peer not logged", Board: true, SQL: "source_ip"},
	{ID: "log_group", Title: "Log groups", None: "no log group", Board: true, SQL: "log_group"},
	{ID: "stream", Title: "Log streams and files", None: "no stream", Board: true, SQL: "coalesce(log_stream, file)"},
	{ID: "upstream", Title: "Upstreams", None: "no upstream", Board: false, SQL: "upstream"},
}
