package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"clearhop/aws/object"
	"clearhop/enrich/clientip"
	"clearhop/verdict"
)

// Config is every setting of the pipeline. The struct tags are the one place
// where a setting's name, its environment variable, its default and its help
// stand: the command's flags, its configuration file, the Lambdas' environment
// and the table in the README all read them.
type Config struct {
	Format       []string          `name:"format" env:"CLEARHOP_FORMAT" default:"auto" sep:"none" envSeparator:"\x1e" placeholder:"FORMAT" help:"How the lines are written: a log_format directive as in nginx.conf, a bare format string, @FILE for all of an nginx.conf, json, or the name of a known format; auto tries all known ones. Repeatable, the variable holds one: each line is tried in their order."`
	FormatFor    map[string]string `name:"format-for" env:"CLEARHOP_FORMAT_FOR" mapsep:"\n" envSeparator:"\n" envKeyValSeparator:"=" placeholder:"PATTERN=FORMAT" help:"The format of the log groups, or files, whose names match a pattern (* stands for anything but a slash; the longest pattern that matches decides); the others have those of format. Repeatable; in the variable one a line."`
	JSONKey      map[string]string `name:"json-key" env:"CLEARHOP_JSON_KEYS" mapsep:"," envKeyValSeparator:"=" placeholder:"KEY=VARIABLE" help:"The nginx variable that a key of a JSON access log carries, beside the usual ones; - for none."`
	ErrorZone    string            `name:"error-zone" env:"CLEARHOP_ERROR_ZONE" default:"UTC" placeholder:"ZONE" help:"The time zone of error lines, which bear none: a name such as Asia/Tokyo."`
	NLB          []string          `name:"nlb" env:"CLEARHOP_NLB" placeholder:"CIDR" help:"Addresses of the Network Load Balancer's nodes, or their subnets; discover:NAME looks the nodes of an NLB up in EC2, discover those of all in the region. Without nlb and trusted, every private address counts as an NLB's."`
	NLBRefresh   time.Duration     `name:"nlb-refresh" env:"CLEARHOP_NLB_REFRESH" default:"5m" placeholder:"DURATION" help:"After what time, at the latest, discovered nodes are looked up again; 0 for never."`
	Trusted      []string          `name:"trusted" env:"CLEARHOP_TRUSTED" placeholder:"CIDR" help:"Other proxies: the edge's tasks, a CDN's networks, unix: for peers on Unix-domain sockets."`
	Internal     []string          `name:"internal" env:"CLEARHOP_INTERNAL" placeholder:"CIDR" help:"Clients inside a network of nlb or trusted. The longest prefix decides."`
	Strict       bool              `name:"strict" env:"CLEARHOP_STRICT" help:"Leave client.ip out where no trusted hop vouches for it."`
	HealthPath   []string          `name:"health-path" env:"CLEARHOP_HEALTH_PATH" placeholder:"PATH" help:"Request path of a health check, compared whole; browsers are no probes."`
	ClientFields []string          `name:"client-fields" env:"CLEARHOP_CLIENT_FIELDS" default:"proxy_protocol_addr,http_x_forwarded_for,http_x_real_ip" placeholder:"FIELD" help:"Variables that may name the client, in order; a provider's header such as http_cf_connecting_ip can be among them."`
	CityDB       string            `name:"city-db" env:"CLEARHOP_CITY_DB" placeholder:"FILE" help:"GeoIP database of places: City or Country, in MaxMind's format. The functions also take s3://BUCKET/KEY."`
	ASNDB        string            `name:"asn-db" env:"CLEARHOP_ASN_DB" placeholder:"FILE" help:"GeoIP database of autonomous systems, given in the same way."`
	GeoRefresh   time.Duration     `name:"geo-refresh" env:"CLEARHOP_GEO_REFRESH" default:"15m" placeholder:"DURATION" help:"After what time, at the latest, new versions of the GeoIP databases are looked for; 0 for never."`
	GeoMaxAge    time.Duration     `name:"geo-max-age" env:"CLEARHOP_GEO_MAX_AGE" default:"2160h" placeholder:"DURATION" help:"How old a GeoIP database may be before its answers are marked db_stale; 0 for no limit."`
	Label        map[string]string `name:"label" env:"CLEARHOP_LABELS" mapsep:"," envKeyValSeparator:"=" placeholder:"KEY=VALUE" help:"Put a label into every event."`
	Original     bool              `name:"original" env:"CLEARHOP_ORIGINAL" help:"Keep the line as it was read in event.original."`
	Privacy      string            `name:"privacy" env:"CLEARHOP_PRIVACY" default:"none" placeholder:"MODE" help:"What becomes of visitors' addresses, wherever they stand in an event: none leaves them, truncate keeps the network (IPv4 /24, IPv6 /48), hash puts a pseudonym in their place. Names of users are dropped or hashed too. Addresses named by nlb and trusted stay."`
	PrivacyKey   string            `name:"privacy-key" env:"CLEARHOP_PRIVACY_KEY" placeholder:"KEY" help:"The secret key of privacy hash, 16 bytes or more, or @FILE for a file that holds it. The same key gives the same pseudonyms."`
	RedactQuery  []string          `name:"redact-query" env:"CLEARHOP_REDACT_QUERY" placeholder:"KEY" help:"Keys of query strings whose values are taken out of every event."`
	Rule         []string          `name:"rule" env:"CLEARHOP_RULES" sep:"none" envSeparator:"\x1e" placeholder:"RULE" help:"Which events to keep, drop, sample or route, such as drop verdict=health_check or sample:0.1 status=2xx; the first rule that fits decides (docs/rules.md). Repeatable; in the variable separated by semicolons."`

	// Now tells the time for lines that bear none, and for the age of
	// databases and of discovered nodes; nil means time.Now.
	Now func() time.Time `kong:"-" env:"-"`
	// GetObject asks S3 for databases; nil where it is not to be asked.
	GetObject object.Get `kong:"-" env:"-"`
	// Chain gives the addresses of the chain as values. Where it is set, the
	// addresses in nlb, trusted and internal are not read; the nodes that nlb
	// asks to discover are discovered all the same.
	Chain *clientip.Chain `kong:"-" env:"-"`
}

// ReadChain reads the addresses in the settings nlb, trusted and internal. It
// asks nothing of AWS: where nlb names nodes that are to be discovered, the
// chain is Inferred. The error names each setting that is wrong.
func (c *Config) ReadChain() (clientip.Chain, error) {
	var errs []error
	set := func(name string, items []string) clientip.Addresses {
		addresses, err := clientip.ParseAddresses(items...)
		if err != nil {
			errs = append(errs, setting(name, err))
		}
		return addresses
	}
	nlb, _, discovered := c.splitNLB()
	chain := clientip.Chain{NLB: set("nlb", nlb), Trusted: set("trusted", c.Trusted), Internal: set("internal", c.Internal)}
	chain.Inferred = discovered || chain.NLB.Empty() && chain.Trusted.Empty()
	return chain, errors.Join(errs...)
}

// client makes the resolver's configuration, with the name of the setting
// before each error.
func (c *Config) client() (clientip.Config, error) {
	chain, err := c.Chain, error(nil)
	if chain == nil {
		var read clientip.Chain
		read, err = c.ReadChain()
		chain = &read
	}
	out := chain.Config()
	out.Strict, out.HealthPaths = c.Strict, c.HealthPath
	for _, name := range c.ClientFields {
		name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "$"))
		out.Fields = append(out.Fields, verdict.Field(name))
	}
	return out, err
}

// splitNLB takes the setting nlb apart: addresses, and the NLBs whose nodes are
// to be discovered; no names stand for all NLBs.
func (c *Config) splitNLB() (addresses, names []string, discovered bool) {
	const word = "discover"
	all := false
	for _, item := range c.NLB {
		for text := range strings.SplitSeq(item, ",") {
			text = strings.TrimSpace(text)
			if name, ok := strings.CutPrefix(text, word+":"); ok {
				names = append(names, name)
			} else if text == word {
				all = true
			} else {
				addresses = append(addresses, text)
			}
		}
	}
	discovered = all || len(names) > 0
	if all {
		names = nil
	}
	return addresses, names, discovered
}

// setting puts the name of the setting before an error, and before each one of
// several that were joined.
func setting(name string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, setting(name, e))
	}
	return errors.Join(errs...)
}
