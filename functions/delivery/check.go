package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"clearhop/aws/stored"
	"clearhop/delivery"
	"clearhop/pipeline"
	"clearhop/rule"
)

// Check reports everything in an environment that would keep a function from starting, as
// OpenShipper would, or OpenAnswerer if the function returns its events. It opens no sink,
// and asks AWS for nothing but what it is given in reader.
func Check(ctx context.Context, environ []string, returnsEvents bool, reader stored.Reader) error {
	var to delivery.Settings
	var destination any = &to
	if returnsEvents {
		destination = &to.LetterSettings
	}
	c, errRead := readFrom(ctx, reader, Shape{}, environ, io.Discard, destination)
	var errTo error
	if returnsEvents {
		errTo = to.LetterSettings.Check()
	} else {
		errTo = to.Check()
	}
	p, errPipeline := pipeline.New(c.Pipeline)
	err := errors.Join(errRead, errTo, errPipeline)
	if p == nil {
		return err
	}
	return errors.Join(err, matchRoutes(p.Routes(), slices.Sorted(maps.Keys(to.Routes))), p.Close())
}

// matchRoutes compares the routes of the rules with those that lead somewhere.
func matchRoutes(asked, exist []string) error {
	var errs []error
	missing, unused := rule.MatchRoutes(asked, exist)
	for _, name := range missing {
		errs = append(errs, fmt.Errorf("CLEARHOP_RULES: route:%s leads nowhere: CLEARHOP_ROUTES does not name it", name))
	}
	for _, name := range unused {
		errs = append(errs, fmt.Errorf("CLEARHOP_ROUTES: no rule routes to %q", name))
	}
	return errors.Join(errs...)
}
