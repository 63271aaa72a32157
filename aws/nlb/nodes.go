package nlb

import (
	"context"
	"net/netip"
)

// Nodes returns the Find of a Finder for NLBs of those names, with the usual
// configuration of AWS's tools. No names mean all NLBs of the region. It is what
// pipeline.Config.FindNodes takes.
func Nodes(names []string) (find func(context.Context) (map[netip.Addr]string, error), err error) {
	f, err := New(Config{Names: names})
	if err != nil {
		return nil, err
	}
	return f.Find, nil
}
