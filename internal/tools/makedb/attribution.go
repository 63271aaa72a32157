package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clearhop/enrich/geoip"
)

// writeAttribution tells of the databases that are in the folder now, also of
// those of an earlier run.
func (b builder) writeAttribution() error {
	present := func(file string) bool {
		_, err := os.Stat(filepath.Join(b.out, file))
		return err == nil
	}
	text := attribution(b.sources, present)
	_, err := replaceFile(filepath.Join(b.out, "ATTRIBUTION.txt"), func(w io.Writer) (int64, error) {
		n, err := io.WriteString(w, text)
		return int64(n), err
	})
	return err
}

func attribution(sources []geoip.Source, present func(file string) bool) string {
	var text strings.Builder
	text.WriteString("These databases hold data from the sources below, brought into the GeoIP2 shape\n" +
		"by Clearhop. Who passes them on passes this file and the folder licenses on too.\n" +
		"Who shows results from them on a web page shows the attribution, with the link.\n")
	for _, source := range sources {
		files := slices.DeleteFunc(slices.Clone(source.Files), func(file string) bool { return !present(file) })
		if len(files) == 0 {
			continue
		}
		fmt.Fprintf(&text, "\n%s\n  source       %s\n  package      %s %s (npm)\n  licence      %s, see licenses/%s\n  attribution  %s, %s\n",
			strings.Join(files, ", "), source.Name, source.Package, source.Version, source.License,
			licenseFolder(source), source.Attribution, source.URL)
	}
	return text.String()
}

// writeLicenses keeps the licence files of a package beside the databases.
func (b builder) writeLicenses(source geoip.Source, members map[string][]byte) error {
	found := false
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !isLicense(name) {
			continue
		}
		found = true
		path := filepath.Join(b.out, "licenses", licenseFolder(source), name)
		_, err := replaceFile(path, func(w io.Writer) (int64, error) {
			n, err := w.Write(members[name])
			return int64(n), err
		})
		if err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("the package %s has no licence file", source.Package)
	}
	return nil
}

// licenseFolder names the folder with the licence files of a source.
func licenseFolder(source geoip.Source) string {
	return strings.TrimSuffix(archiveName(source), "-"+source.Version+".tgz")
}
