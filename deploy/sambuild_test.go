//go:build sam

package deploy_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tag sam keeps this file out of an ordinary go test: four functions for another
// machine take minutes to compile anew, and the layer needs npm and the network. make
// package-test runs it, and make test compiles it.

// TestSAMBuilds: sam build of a clean tree makes what a deployment uploads, without npm
// unless the layer is wanted.
func TestSAMBuilds(t *testing.T) {
	for _, layer := range []string{"no", "yes"} {
		t.Run("GEOIP_LAYER="+layer, func(t *testing.T) {
			tree := cleanTree(t)
			build := sam(t, tree, "build")
			build.Env = append(build.Env, "GEOIP_LAYER="+layer)
			if layer == "no" {
				build.Env = append(build.Env, "PATH="+without(t, "npm"))
			}
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			built := filepath.Join(tree, ".aws-sam", "build")
			for _, name := range []string{"SubscriberFunction", "StreamFunction", "TransformFunction", "GeoUpdateFunction"} {
				holdOnly(t, filepath.Join(built, name), "bootstrap")
				f, err := elf.Open(filepath.Join(built, name, "bootstrap"))
				if err != nil {
					t.Fatal(err)
				}
				if f.Machine != elf.EM_AARCH64 {
					t.Errorf("%s is built for %v, and the template says arm64", name, f.Machine)
				}
				f.Close()
			}
			if layer == "no" {
				holdOnly(t, filepath.Join(built, "GeoIPLayer", "geoip"), "README")
			} else {
				holdOnly(t, filepath.Join(built, "GeoIPLayer", "geoip"), "ATTRIBUTION.txt", "asn.mmdb", "country.mmdb")
			}
		})
	}
}

// holdOnly checks what a folder holds.
func holdOnly(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %v, want %v", folder, got, want)
	}
}

// without returns a PATH on which a program fails.
func without(t *testing.T, program string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\necho "+program+" was called >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder + string(os.PathListSeparator) + os.Getenv("PATH")
}
