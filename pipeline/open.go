package pipeline

import (
	"errors"
	"fmt"
	"time"

	"clearhop/encode"
	"clearhop/encode/accesslog"
	"clearhop/enrich"
	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/internal/setting"
	"clearhop/parser"
	"clearhop/privacy"
	"clearhop/rule"
)

// A Pipeline is a Config made ready: formats are compiled, databases open.
type Pipeline struct {
	formats    *parser.Formats
	errorZone  *time.Location
	databases  *geoip.Databases
	enricher   *enrich.Enricher
	rules      *rule.Set
	guard      *privacy.Guard
	encoder    *encode.Encoder
	lines      *accesslog.Writer // nil where events are written
	refreshers []*refresher
	original   bool
	noEvents   bool
	only       Steps
	noHash     bool // events have no event.hash
	infer      bool
	givenNLB   bool
	now        func() time.Time
}

// New makes a Pipeline. One error names every bad setting of c. New asks nothing
// of AWS: see Refresh.
func New(c Config) (*Pipeline, error) {
	p := &Pipeline{original: c.Original, noHash: c.NoHash || c.NoEvents, noEvents: c.NoEvents || c.Only != AllSteps, only: c.Only, lines: c.Lines, infer: c.Infer, givenNLB: len(c.Client.NLB) > 0, now: c.Now}
	if p.now == nil {
		p.now = time.Now
	}
	var errs []error
	fail := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	p.formats, err = c.Parser.Compile()
	fail(err)
	p.errorZone, err = c.Parser.Zone()
	fail(err)
	p.encoder, err = encode.New(encode.Options{Labels: c.Label})
	fail(setting.Error("label", err))
	fail(p.openDatabases(&c))
	client, err := p.openChain(&c)
	fail(err)
	p.guard, err = c.newGuard(client, p.enricher)
	fail(err)
	p.rules, err = c.Rules.Compile()
	fail(err)
	if err := errors.Join(errs...); err != nil {
		if p.databases != nil {
			err = errors.Join(err, p.databases.Close())
		}
		return nil, err
	}
	return p, nil
}

// LeftOut returns an error for each log_format of the settings' nginx.conf files that
// cannot be read back, and that is therefore not used. Tell the user.
func (p *Pipeline) LeftOut() []error {
	var errs []error
	for _, err := range p.formats.LeftOut() {
		errs = append(errs, fmt.Errorf("%w; this format is left out, and the others are used", err))
	}
	return errs
}

// openDatabases opens the GeoIP databases and has Refresh look for new versions.
func (p *Pipeline) openDatabases(c *Config) error {
	databases, reloader, err := c.GeoIP.Open(c.OpenObject, c.Now)
	p.databases = databases
	if reloader != nil {
		p.refreshers = append(p.refreshers, &refresher{look: reloader.Look, schedule: schedule{every: c.GeoIP.Refresh, now: p.now}})
	}
	return err
}

// openChain makes the enricher of the chain of proxies, and has Refresh look up
// the nodes that are to be discovered. It returns the chain as far as it could be
// read; with an error there may be no enricher.
func (p *Pipeline) openChain(c *Config) (clientip.Config, error) {
	var errs []error
	client, discovery, err := c.Client.Read(c.Chain)
	if err == nil {
		p.enricher, err = enrich.New(enrich.Config{Client: client, Databases: p.databases})
	}
	errs = append(errs, err)
	if discovery.Wanted {
		r, err := c.newNodes(client, discovery, p.enricher, p.now)
		if err == nil {
			p.refreshers = append(p.refreshers, r)
		}
		errs = append(errs, err)
	}
	return client, errors.Join(errs...)
}

// newGuard makes the guard of the settings. The addresses that e knows as
// proxies stay. e is nil if client is wrong.
func (c *Config) newGuard(client clientip.Config, e *enrich.Enricher) (*privacy.Guard, error) {
	config, err := c.Privacy.Read()
	if err != nil {
		return nil, err
	}
	if e != nil {
		config.Stays = e.IsNamedProxy
	}
	config.Secret = parser.IsSecretVariable
	return privacy.New(config)
}

// Close closes the databases. No Worker may be in use any more.
func (p *Pipeline) Close() error { return p.databases.Close() }

// Databases describes the open GeoIP databases.
func (p *Pipeline) Databases() []geoip.Info { return p.databases.Info() }

// Client returns the chain of proxies that holds now, with the nodes of NLBs that
// were discovered. The caller must not change it.
func (p *Pipeline) Client() clientip.Config { return p.enricher.Client() }

// Inferred reports whether the NLB's addresses are inferred: they were neither
// given nor discovered.
func (p *Pipeline) Inferred() bool { return p.enricher.Inferred() }

// Private reports whether the settings ask to hide something. Lines as they were
// read, and payloads of them, must then not be kept anywhere.
func (p *Pipeline) Private() bool { return p.guard.Active() }

// Routes returns the names that Outcome.Route can have. The caller must know
// where each of them leads.
func (p *Pipeline) Routes() []string { return p.rules.Routes() }
