//go:build snapshot

package release_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The tag snapshot keeps this file out of an ordinary go test: it reads what make snapshot
// made, which takes half an hour, and changes into roots of other systems as root. make
// snapshot-test runs it.

var dist = flag.String("dist", "", "the folder that make snapshot made")

// one returns the only file of the release with this ending.
func one(t *testing.T, ending string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(*dist, "*"+ending))
	if err != nil || len(found) != 1 {
		t.Fatalf("the files with the ending %s are %v (%v)", ending, found, err)
	}
	return found[0]
}

// TestDebian installs the package into a new Debian, and runs what it brought.
func TestDebian(t *testing.T) {
	root := t.TempDir()
	output(t, exec.Command("debootstrap", "--variant=minbase", "--include=man-db,bash-completion,rpm", "bookworm", root))
	put(t, root, "clearhop.deb", one(t, "_"+runtime.GOARCH+".deb"))
	inside(t, root, "dpkg", "--install", "/clearhop.deb")
	tryCommand(t, root, "0:0", "clearhop")
	// man-db of a minimal Debian leaves pages out: dpkg says which files the package has.
	listed := inside(t, root, "dpkg", "--listfiles", "clearhop")
	for _, want := range []string{
		"/usr/bin/clearhop", "/usr/share/man/man1/clearhop.1", "/usr/share/man/man1/clearhop-doctor.1",
		"/usr/share/bash-completion/completions/clearhop", "/usr/share/zsh/vendor-completions/_clearhop",
		"/usr/share/fish/vendor_completions.d/clearhop.fish", "/usr/share/doc/clearhop/copyright",
	} {
		if !strings.Contains(listed, want) {
			t.Errorf("the package has no %s:\n%s", want, listed)
		}
	}
	if page := inside(t, root, "sh", "-c", "man clearhop-doctor | cat"); !strings.Contains(page, "Read logs and say which hop is broken") {
		t.Errorf("the page of the doctor is\n%s", page)
	}
	// The shell loads the file when the first word is completed.
	words := inside(t, root, "bash", "-c", ". /usr/share/bash-completion/completions/clearhop && complete -p clearhop && COMP_LINE='clearhop doc' clearhop")
	if !strings.Contains(words, "-C 'clearhop' clearhop") || !strings.Contains(words, "doctor\n") {
		t.Errorf("completion in bash: %s", words)
	}
	inside(t, root, "dpkg", "--remove", "clearhop")
	if _, err := os.Lstat(filepath.Join(root, "usr/bin/clearhop")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there after it was removed: %v", err)
	}

	// Debian cannot install the other package, but rpm says what is in it.
	put(t, root, "clearhop.rpm", one(t, "."+map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+".rpm"))
	inside(t, root, "rpm", "--checksig", "/clearhop.rpm")
	said := inside(t, root, "rpm", "-qp", "--info", "--requires", "--list", "/clearhop.rpm")
	for _, want := range []string{
		"Name        : clearhop\n", "License     : MIT\n", "\nglibc >= 2.26\n", "\n/usr/bin/clearhop\n",
		"\n/usr/share/man/man1/clearhop-doctor.1\n", "\n/usr/share/zsh/site-functions/_clearhop\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the package for RPM has no %q:\n%s", want, said)
		}
	}
}

// TestImage unpacks the layers of the image, and runs the command with no other file.
func TestImage(t *testing.T) {
	files := map[string][]byte{}
	readTar(t, bytes.NewReader(read(t, one(t, "_image.tar"))), func(h *tar.Header, data []byte) { files[h.Name] = data })
	type descriptor struct {
		Digest   string
		Platform struct{ Architecture string }
	}
	type document struct {
		Manifests, Layers []descriptor
	}
	follow := func(data []byte) (d document) {
		if err := json.Unmarshal(data, &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	blob := func(d descriptor) []byte {
		data := files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(data)); sum != d.Digest {
			t.Fatalf("the digest of %s is %s", d.Digest, sum)
		}
		return data
	}
	for _, d := range follow(blob(follow(files["index.json"]).Manifests[0])).Manifests {
		if d.Platform.Architecture != runtime.GOARCH {
			continue
		}
		root := t.TempDir()
		for _, layer := range follow(blob(d)).Layers {
			unpack(t, bytes.NewReader(blob(layer)), root)
		}
		tryCommand(t, root, "65532:65532", "/usr/bin/clearhop")
		return
	}
	t.Fatalf("the image has nothing for %s", runtime.GOARCH)
}

// TestTarball unpacks the archive into a root that has the C library and nothing else.
func TestTarball(t *testing.T) {
	root := t.TempDir()
	unpack(t, bytes.NewReader(read(t, one(t, "_linux_"+runtime.GOARCH+".tar.gz"))), root)
	found, err := filepath.Glob(filepath.Join(root, "clearhop_*", "clearhop"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the archive has %v (%v)", found, err)
	}
	for line := range strings.Lines(output(t, exec.Command("ldd", found[0]))) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "/") {
				put(t, root, word, word)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o755); err != nil { // DuckDB writes there
		t.Fatal(err)
	}
	tryCommand(t, root, "0:0", strings.TrimPrefix(found[0], root))
	for _, name := range []string{"man/man1/clearhop-enrich.1", "completions/clearhop.bash", "LICENSE"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(found[0]), name)); err != nil {
			t.Error(err)
		}
	}
}

// TestArchives: each archive has the command for its system, and what goes with it. The
// list of parts names each module of the command.
func TestArchives(t *testing.T) {
	for _, target := range []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64", "windows_amd64", "windows_arm64"} {
		system, cpu, _ := strings.Cut(target, "_")
		files, command, cgo := map[string][]byte{}, "clearhop", "1"
		beside := []string{"man/man1/clearhop.1", "man/man1/clearhop-doctor.1", "completions/clearhop.bash", "completions/clearhop.zsh", "completions/clearhop.fish"}
		if system == "windows" {
			command, cgo, beside = "clearhop.exe", "0", []string{"WITHOUT-DUCKDB.md"}
			for name, data := range unzip(t, read(t, one(t, "_"+target+".zip"))) {
				files[withoutFolder(name)] = data
			}
		} else {
			raw, err := gzip.NewReader(bytes.NewReader(read(t, one(t, "_"+target+".tar.gz"))))
			if err != nil {
				t.Fatal(err)
			}
			readTar(t, raw, func(h *tar.Header, data []byte) { files[withoutFolder(h.Name)] = data })
		}
		for _, name := range append(beside, "LICENSE", "CHANGELOG.md") {
			if len(files[name]) == 0 {
				t.Errorf("the archive for %s has no %s", target, name)
			}
		}
		info, err := buildinfo.Read(bytes.NewReader(files[command]))
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		set := map[string]string{}
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
		if set["GOOS"] != system || set["GOARCH"] != cpu || set["CGO_ENABLED"] != cgo {
			t.Errorf("the command for %s was built with %v", target, set)
		}
		checkParts(t, one(t, "_"+target+".cdx.json"), info)
	}
}

// withoutFolder is the name of a file inside the folder that an archive holds.
func withoutFolder(name string) string {
	_, name, _ = strings.Cut(name, "/")
	return name
}

// checkParts holds the list of parts of a command to what the linker wrote into it.
func checkParts(t *testing.T, file string, info *buildinfo.BuildInfo) {
	t.Helper()
	var list struct {
		BOMFormat  string
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(read(t, file), &list); err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	var got []string
	for _, c := range list.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	for _, m := range info.Deps {
		if !slices.Contains(got, m.Path+" "+m.Version) {
			t.Errorf("%s does not name %s %s", file, m.Path, m.Version)
		}
	}
	if list.BOMFormat != "CycloneDX" || len(info.Deps) == 0 {
		t.Errorf("%s is %q, for %d modules", file, list.BOMFormat, len(info.Deps))
	}
}

// TestLambda: the folder that a person deploys has the zip of each function that the
// template names, with a program for arm64.
func TestLambda(t *testing.T) {
	files := unzip(t, read(t, one(t, "_lambda.zip")))
	folder := strings.TrimSuffix(filepath.Base(one(t, "_lambda.zip")), ".zip") + "/"
	template := string(files[folder+"template.yaml"])
	for _, key := range []string{"LicenseUrl", "ReadmeUrl"} {
		_, name, _ := strings.Cut(template, "\n    "+key+": ")
		name, _, _ = strings.Cut(name, "\n")
		if len(files[folder+name]) == 0 {
			t.Errorf("the template names %q as its %s, which is not there", name, key)
		}
	}
	zips := 0
	for name, data := range files {
		if !strings.HasSuffix(name, ".zip") {
			continue
		}
		zips++
		name = strings.TrimPrefix(name, folder)
		if !strings.Contains(template, "Uri: "+name+"\n") {
			t.Errorf("the template does not name %s", name)
		}
		const aarch64 = 183 // e_machine, the 19th byte of an ELF header
		program := unzip(t, data)["bootstrap"]
		if strings.Contains(name, "Function") && (len(program) < 20 || program[18] != aarch64) {
			t.Errorf("%s has no bootstrap for arm64", name)
		}
	}
	if n := strings.Count(template, "Uri: "); zips == 0 || strings.Contains(template, "BuildMethod") || n < zips {
		t.Errorf("%d zips, and the template names %d", zips, n)
	}
}

// TestChecksums: checksums.txt has each other file.
func TestChecksums(t *testing.T) {
	entries, err := os.ReadDir(*dist)
	if err != nil {
		t.Fatal(err)
	}
	sums := string(read(t, filepath.Join(*dist, "checksums.txt")))
	for _, e := range entries {
		if e.Name() == "checksums.txt" {
			continue
		}
		if want := fmt.Sprintf("%x  %s\n", sha256.Sum256(read(t, filepath.Join(*dist, e.Name()))), e.Name()); !strings.Contains(sums, want) {
			t.Errorf("checksums.txt lacks %s", want)
		}
	}
}

// tryCommand runs the command inside a root as a user would: its version, events, and a
// report, which DuckDB computes. user is USER:GROUP, in numbers.
func tryCommand(t *testing.T, root, user, command string) {
	t.Helper()
	put(t, root, "/logs/access.log", "../testdata/seed/access.log")
	if version := insideAs(t, user, root, command, "version"); !strings.HasPrefix(version, "clearhop v") || !strings.Contains(version, "\ncommit ") || strings.Contains(version, "without DuckDB") {
		t.Errorf("version: %s", version)
	}
	if events := insideAs(t, user, root, command, "enrich", "-q", "/logs/access.log"); !strings.Contains(events, `"client"`) {
		t.Errorf("events: %.300s", events)
	}
	if report := insideAs(t, user, root, command, "report", "-q", "--since", "2020-01-01T00:00:00Z", "/logs/access.log"); !strings.Contains(report, "Report of ") {
		t.Errorf("report: %s", report)
	}
}

// inside runs a program in a root as root, and returns what it printed. A failure ends the test.
func inside(t *testing.T, root string, args ...string) string {
	t.Helper()
	return insideAs(t, "0:0", root, args...)
}

func insideAs(t *testing.T, user, root string, args ...string) string {
	t.Helper()
	cmd := exec.Command("chroot", append([]string{"--userspec=" + user, root}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "LC_ALL=C.UTF-8", "MANWIDTH=80"}
	return output(t, cmd)
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, out, stderr.Bytes())
	}
	return string(out)
}

// put copies a file to a place in a root.
func put(t *testing.T, root, to, from string) {
	t.Helper()
	write(t, filepath.Join(root, to), read(t, from), 0o755)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}

// unpack writes the files of a compressed tar below a folder.
func unpack(t *testing.T, packed io.Reader, root string) {
	t.Helper()
	raw, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	readTar(t, raw, func(h *tar.Header, data []byte) {
		path := filepath.Join(root, h.Name)
		if h.Typeflag == tar.TypeReg {
			write(t, path, data, h.FileInfo().Mode().Perm())
		} else if err := errors.Join(os.MkdirAll(path, 0o755), os.Chmod(path, h.FileInfo().Mode())); err != nil {
			t.Fatal(err)
		}
	})
}

func readTar(t *testing.T, from io.Reader, each func(*tar.Header, []byte)) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		each(header, data)
	}
}

func unzip(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(from); err != nil {
			t.Fatal(err)
		}
		from.Close()
	}
	return files
}
