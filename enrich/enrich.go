// Package enrich adds to a parsed record what can be known beyond the line: the
// parts of the URL, the client behind the proxies, its place and network, and
// what its user agent says.
//
//	e, err := enrich.New(enrich.Config{Client: client, Databases: databases})
//	w := e.NewWorker() // one for each goroutine
//	err = w.Enrich(rec)
//
// The steps run in one order, since each may need the one before it: the URL's
// path tells health checks, and a place is looked up for the resolved client
// only, never for a proxy.
//
// An Enricher is safe for concurrent use; nothing of it changes but the chain of
// proxies, by SetClient. A Worker holds the caches of one goroutine; in the
// steady state it allocates nothing.
package enrich

import (
	"net/netip"
	"sync/atomic"

	"clearhop/enrich/clientip"
	"clearhop/enrich/geoip"
	"clearhop/enrich/useragent"
	"clearhop/record"
)

// Config says what the steps go by.
type Config struct {
	// Client is the chain of proxies.
	Client clientip.Config
	// Databases are the open GeoIP databases. The caller closes them when no
	// Worker is in use any more.
	Databases *geoip.Databases
}

// An Enricher holds what the workers share.
type Enricher struct {
	resolver  atomic.Pointer[clientip.Resolver] // never nil
	databases *geoip.Databases
	rules     *useragent.Rules
}

// New makes an Enricher. All that is wrong with c comes in one error.
func New(c Config) (*Enricher, error) {
	e := &Enricher{databases: c.Databases, rules: useragent.NewRules()}
	if err := e.SetClient(c.Client); err != nil {
		return nil, err
	}
	return e, nil
}

// SetClient puts another chain of proxies in the place of the one before. The
// workers go by it from their next record on. With an error the one before
// stays.
func (e *Enricher) SetClient(c clientip.Config) error {
	resolver, err := clientip.New(c)
	if err != nil {
		return err
	}
	e.resolver.Store(resolver)
	return nil
}

// Client returns the chain of proxies that holds now. It is not to be changed.
func (e *Enricher) Client() clientip.Config { return e.resolver.Load().Config() }

// Inferred reports whether the NLB's addresses are inferred, not given.
func (e *Enricher) Inferred() bool { return e.resolver.Load().Inferred() }

// IsNamedProxy reports whether the settings, or a look for the NLB's nodes, name
// addr as a proxy's.
func (e *Enricher) IsNamedProxy(addr netip.Addr) bool { return e.resolver.Load().IsNamedProxy(addr) }

// IsProxyText reports whether an address, as nginx writes it, is one that the settings
// name as a proxy's, or one that counts as the NLB's because they name none.
func (e *Enricher) IsProxyText(text []byte) bool { return e.resolver.Load().IsProxyText(text) }

// A Worker enriches the records of one goroutine.
type Worker struct {
	enricher *Enricher
	geo      *geoip.Reader
	agents   *useragent.Parser

	evidence clientip.Evidence
	extra    variables // where evidence.Header looks
	answer   clientip.Answer
}

// NewWorker makes a Worker with empty caches.
func (e *Enricher) NewWorker() *Worker {
	w := &Worker{
		enricher: e,
		geo:      e.databases.NewReader(),
		agents:   e.rules.NewParser(),
	}
	w.evidence.Header = w.extra.header
	return w
}

// Enrich takes r through all steps. Error lines about the PROXY protocol get
// their provenance; to other lines that are no access lines it adds nothing. The
// error is that of a damaged GeoIP database, see geoip.LookupError; everything
// else in the record is complete.
func (w *Worker) Enrich(r *record.Record) error {
	switch r.Dataset {
	case record.AccessLine:
	case record.ErrorLogLine:
		w.resolveError(r)
		return w.lookUpPlace(r)
	default:
		return nil
	}
	splitURL(&r.URL, &r.Access)
	keepUnshown(r)
	w.resolveClient(r)
	w.readUserAgent(r)
	return w.lookUpPlace(r)
}

// SplitURL takes r, if it is an access line, through the first step only: it sets the
// parts of the URL.
func (w *Worker) SplitURL(r *record.Record) {
	if r.Dataset == record.AccessLine {
		splitURL(&r.URL, &r.Access)
	}
}

func (w *Worker) readUserAgent(r *record.Record) {
	if len(r.Access.UserAgent) == 0 {
		return
	}
	ua := w.agents.Parse(r.Access.UserAgent)
	r.UserAgent = record.UserAgent{
		Name: ua.Name, Version: ua.Version,
		OSName: ua.OSName, OSVersion: ua.OSVersion,
		DeviceName: ua.DeviceName, Bot: ua.Bot, Valid: true,
	}
}

func (w *Worker) lookUpPlace(r *record.Record) error {
	if !r.Client.IP.IsValid() {
		return nil
	}
	result, err := w.geo.Lookup(r.Client.IP)
	r.Geo, r.AS = result.Place, result.AS
	return err
}
