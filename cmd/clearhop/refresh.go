package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"clearhop/pipeline"
)

// firstLook bounds how long the first look for the NLB's nodes takes, which may have
// to wait for a person's credentials.
const firstLook = 30 * time.Second

// discoverFirst looks up the NLB's nodes if the settings ask for that. Without them
// the whole run would be wrong, so a failure ends it.
func discoverFirst(ctx context.Context, s streams, p *pipeline.Pipeline) error {
	look, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	err := p.Refresh(look)
	var nodes *pipeline.DiscoveryError
	switch {
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	case errors.As(err, &nodes):
		return &usageError{nodes}
	}
	if err != nil {
		s.warn(err)
	}
	return nil
}

// warnLeftOut names the formats of an nginx.conf that are not used.
func (s streams) warnLeftOut(p *pipeline.Pipeline) {
	for _, err := range p.LeftOut() {
		s.warn(err)
	}
}

// warn prints errors that do not end the run. Where the NLB's nodes could not be
// looked up, it also says which addresses hold until they can.
func (s streams) warn(err error) {
	for _, e := range flatten(err) {
		if nodes, ok := errors.AsType[*pipeline.DiscoveryError](e); ok {
			e = fmt.Errorf("%w; %s", e, nodes.Holds())
		}
		printErrors(s.err, e)
	}
}
