package pipeline

import (
	"context"
	"net/netip"
	"time"

	"clearhop/encode/accesslog"
	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/parser"
	"clearhop/privacy"
	"clearhop/rule"
)

// Config is every setting of the pipeline. Each step owns its part: the struct
// tags give the name of a setting, its environment variable and its default, and
// settings.md gives its help. The flags of the command, its configuration file,
// the environment of the functions and the table in docs/settings.md are made of these.
type Config struct {
	Parser parser.Settings   `embed:""`
	Client clientip.Settings `embed:""`
	GeoIP  geoip.Settings    `embed:""`

	Label    map[string]string `name:"label" env:"CLEARHOP_LABELS" mapsep:"," envKeyValSeparator:"=" placeholder:"KEY=VALUE"`
	Original bool              `name:"original" env:"CLEARHOP_ORIGINAL"`
	NoHash   bool              `name:"no-event-hash" env:"CLEARHOP_NO_EVENT_HASH"`

	Privacy privacy.Settings `embed:""`
	Rules   rule.Settings    `embed:""`

	// Infer has a Worker look at a sample of each stream before its lines are
	// processed: see Worker.Sample. Without it, a line gives the same event whatever
	// stands around it, as the functions need it.
	Infer bool `kong:"-" env:"-"`
	// Now tells the time for lines that have none, and for the age of databases
	// and of discovered nodes. Nil means time.Now.
	Now func() time.Time `kong:"-" env:"-"`
	// NodeFinder makes the function that looks up the nodes of the NLBs of those
	// names; no names mean all NLBs of the region. aws/nlb.Nodes is one. It is nil
	// where NLBs cannot be discovered.
	NodeFinder func(names []string) (FindNodes, error) `kong:"-" env:"-"`
	// OpenObject makes the function that downloads a database from S3 by its URL.
	// aws/object.Fetches returns one. It is nil where S3 is not to be asked.
	OpenObject func(url string) (geoip.Fetch, error) `kong:"-" env:"-"`
	// Lines writes lines of an access log in the place of events. It is nil where
	// events are wanted.
	Lines *accesslog.Writer `kong:"-" env:"-"`
	// NoEvents leaves Outcome.Data empty, for callers that need the record alone.
	NoEvents bool `kong:"-" env:"-"`
	// Only leaves out what the caller does not look at. The zero value leaves out nothing.
	Only Steps `kong:"-" env:"-"`
	// Chain gives the addresses of the chain as values. Where it is set, the
	// addresses in nlb, trusted and internal are not read; the nodes that nlb
	// asks to discover are discovered all the same.
	Chain *clientip.Chain `kong:"-" env:"-"`
}

// Steps say how far a record is taken, for callers that read a log for something else
// than its events.
type Steps int

const (
	// AllSteps takes a record through all of them.
	AllSteps Steps = iota
	// Judged leaves out the identity and the rules, which may need it. There is no event.
	Judged
	// Parsed leaves out what enrich adds too, but for the parts of the URL: there is no
	// client, no verdict, no user agent and no place.
	Parsed
)

// FindNodes looks up the nodes of NLBs as they are now. It returns their
// addresses, each with the name of its NLB. ctx bounds the look.
type FindNodes = func(ctx context.Context) (map[netip.Addr]string, error)
