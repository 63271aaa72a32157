package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReleaseTemplate: the template of a release differs from template.yaml in where the
// code comes from and in what the Serverless Application Repository shows, and in nothing
// else.
func TestReleaseTemplate(t *testing.T) {
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed, names, err := releaseTemplate(text, "1.2.3", "https://example.com/clearhop/v1.2.3/")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n    Type: AWS::Serverless::")); len(names) != n || !slices.IsSorted(names) {
		t.Errorf("%v are not the %d functions and layers", names, n)
	}
	for _, name := range names {
		if !regexp.MustCompile(`\n  ` + name + `:\n    Type: [^\n]+\n    Condition: [^\n]+\n    Properties:\n(      [^\n]*\n)*      (Code|Content)Uri: ` + name + `\.zip\n`).Match(changed) {
			t.Errorf("%s has no zip of its own", name)
		}
		changed = bytes.Replace(changed, []byte(name+".zip"), []byte("."), 1)
	}
	changed = regexp.MustCompile(`(?m)^  AWS::ServerlessRepo::Application:\n(    .*\n)+`).ReplaceAll(changed, nil)
	without := strings.ReplaceAll(string(text), "    Metadata:\n      BuildMethod: makefile\n", "")
	if string(changed) != without {
		t.Error("more was changed than where the code comes from and what the repository shows")
	}
}

// TestReleaseTemplateFails: a resource that is not written as expected is an error, and the
// line of another resource is not taken for its own.
func TestReleaseTemplateFails(t *testing.T) {
	const good = "Description: The stack\nMetadata:\nResources:\n  A:\n    Type: AWS::Serverless::Function\n    Metadata:\n      BuildMethod: makefile\n    Properties:\n      CodeUri: .\n"
	const other = "  B:\n    Type: AWS::Serverless::Function\n    Metadata:\n      BuildMethod: makefile\n    Properties:\n      CodeUri: .\n"
	if _, _, err := releaseTemplate([]byte(good+other), "1.2.3", ""); err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		strings.Replace(good, "CodeUri: .", "CodeUri: src", 1) + other,
		strings.Replace(good, "makefile", "go1.x", 1) + other,
		strings.Replace(good, "  A:\n", "  A: # the first\n", 1),
		strings.Replace(good, "Metadata:\n", "", 1),
		strings.Replace(good, "The stack", "", 1), // the repository wants a description
		"Resources: [",
	} {
		if _, _, err := releaseTemplate([]byte(text), "1.2.3", ""); err == nil {
			t.Errorf("no error for\n%s", text)
		}
	}
}

// TestZipped: the same files make the same bytes, in any order, and what can be run stays so.
func TestZipped(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	a, b := entry{name: "bootstrap", data: []byte("program"), mode: 0o700}, entry{name: "geoip/README", data: []byte("text"), mode: 0o600}
	one, err := zipped([]entry{a, b}, at)
	if err != nil {
		t.Fatal(err)
	}
	two, err := zipped([]entry{b, a}, at)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("another order makes another zip (%v)", err)
	}
	r, err := zip.NewReader(bytes.NewReader(one), int64(len(one)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.File {
		got = append(got, fmt.Sprintf("%s %v %v", f.Name, f.Mode(), f.Modified.UTC().Format(time.RFC3339)))
	}
	want := "[bootstrap -rwxr-xr-x 2026-11-29T10:00:00Z geoip/README -rw-r--r-- 2026-11-29T10:00:00Z]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestImage follows the digests of an image from its index to the files, as a program that
// pulls it would.
func TestImage(t *testing.T) {
	roots := t.TempDir()
	for _, architecture := range architectures {
		path := filepath.Join(roots, architecture, "usr", "bin", "clearhop")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("for "+architecture), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := makeImage("1.2.3", file, roots, "79af221", at); err != nil {
		t.Fatal(err)
	}
	first := readFile(t, file)
	if err := makeImage("1.2.3", file, roots, "79af221", at); err != nil || !bytes.Equal(first, readFile(t, file)) {
		t.Errorf("the same files make another image (%v)", err)
	}
	files := untar(t, first)
	if files["oci-layout"] != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout is %s", files["oci-layout"])
	}
	var top, index manifest
	decode(t, files["index.json"], &top)
	if name := top.Manifests[0].Annotations["org.opencontainers.image.ref.name"]; name != "1.2.3" {
		t.Errorf("the image is called %q", name)
	}
	decode(t, blob(t, files, top.Manifests[0]), &index)
	if len(index.Manifests) != len(architectures) {
		t.Fatalf("it has %d images", len(index.Manifests))
	}
	for i, d := range index.Manifests {
		var m manifest
		decode(t, blob(t, files, d), &m)
		var c config
		decode(t, blob(t, files, *m.Config), &c)
		packed, err := gzip.NewReader(strings.NewReader(blob(t, files, m.Layers[0])))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(packed)
		if err != nil {
			t.Fatal(err)
		}
		if c.RootFS.DiffIDs[0] != digest(raw) {
			t.Error("the config does not have the digest of the layer")
		}
		if d.Platform.Architecture != architectures[i] || c.Architecture != architectures[i] || c.OS != "linux" || c.Config.User != "65532:65532" {
			t.Errorf("%+v is an image of %+v", d, c)
		}
		if got := untar(t, raw)["usr/bin/clearhop"]; got != "for "+architectures[i] {
			t.Errorf("the command is %q", got)
		}
	}
}

// TestFormula: the formula has the checksum of each archive, and its place.
func TestFormula(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		if err := os.WriteFile(filepath.Join(folder, "clearhop_1.2.3_"+name+".tar.gz"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := formula("1.2.3", folder, "https://example.com/clearhop/v1.2.3/")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		want := fmt.Sprintf("      url \"https://example.com/clearhop/v1.2.3/clearhop_1.2.3_%s.tar.gz\"\n      sha256 %q\n", name, digest([]byte(name))[len("sha256:"):])
		if !strings.Contains(text, want) {
			t.Errorf("the formula lacks\n%s\n%s", want, text)
		}
	}
	if _, err := formula("1.2.4", folder, "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("archives that are missing: %v", err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t *testing.T, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatal(err)
	}
}

// blob returns what a descriptor points to.
func blob(t *testing.T, files map[string]string, d descriptor) string {
	t.Helper()
	data, ok := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
	if !ok || len(data) != d.Size || digest([]byte(data)) != d.Digest {
		t.Fatalf("%+v is not there, or is another one", d)
	}
	return data
}

func untar(t *testing.T, data []byte) map[string]string {
	t.Helper()
	files := map[string]string{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
}
