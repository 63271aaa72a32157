package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// What a person reads who has unpacked the functions, and the settings of sam deploy.
var (
	//go:embed lambda-readme.md
	lambdaReadme string
	//go:embed lambda-samconfig.toml
	lambdaSettings string
)

// makeLambda writes a zip that holds one folder: template.yaml, the zip of each function
// and of the layer, and what a person needs to deploy them. Neither Go nor npm is needed
// for that. releases is the address where the files of the release will be.
func makeLambda(version, file, releases string, at time.Time) error {
	text, err := os.ReadFile("template.yaml")
	if err != nil {
		return err
	}
	template, names, err := releaseTemplate(text, version, releases)
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	folder := strings.TrimSuffix(filepath.Base(file), ".zip")
	files := []entry{
		{name: folder + "/template.yaml", data: template},
		{name: folder + "/samconfig.toml", data: []byte(lambdaSettings)},
		{name: folder + "/README.md", data: []byte(strings.ReplaceAll(lambdaReadme, "VERSION", version))},
		{name: folder + "/LICENSE", data: licence},
	}
	for _, name := range names {
		packed, err := buildPart(name, at)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, entry{name: folder + "/" + name + ".zip", data: packed, packed: true})
	}
	packed, err := zipped(files, at)
	if err != nil {
		return err
	}
	return os.WriteFile(file, packed, 0o644)
}

// buildPart builds a function or the layer as sam build does, by the Makefile, and
// returns its zip.
func buildPart(name string, at time.Time) ([]byte, error) {
	folder, err := os.MkdirTemp("", "clearhop-release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	build := exec.Command("make", "--no-print-directory", "build-"+name, "ARTIFACTS_DIR="+folder)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("make build-%s: %w", name, err)
	}
	files, err := filesBelow(folder)
	if err != nil {
		return nil, err
	}
	return zipped(files, at)
}

// releaseTemplate returns template.yaml with the place of each function's and layer's
// code changed from the sources to NAME.zip beside the template, and with what the
// Serverless Application Repository shows of this version. names are those of the functions
// and layers. All else stays as it is, so that what the tests of template.yaml hold is true
// here too.
func releaseTemplate(text []byte, version, releases string) (changed []byte, names []string, err error) {
	const buildMethod = "    Metadata:\n      BuildMethod: makefile\n"
	places := map[string]string{"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
	var template struct {
		Description string `yaml:"Description"`
		Resources   map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		return nil, nil, fmt.Errorf("template.yaml: %w", err)
	}
	shown, err := newApplication(template.Description, version, releases)
	if err != nil {
		return nil, nil, err
	}
	if text, err = addApplication(text, shown); err != nil {
		return nil, nil, err
	}
	for name, resource := range template.Resources {
		place, ok := places[resource.Type]
		if !ok {
			continue
		}
		start := bytes.Index(text, []byte("\n  "+name+":\n"))
		if start < 0 {
			return nil, nil, fmt.Errorf("template.yaml: %s does not begin a line of its own", name)
		}
		before, rest := text[:start], text[start:]
		for _, change := range [][2]string{{buildMethod, ""}, {"      " + place + ": .\n", "      " + place + ": " + name + ".zip\n"}} {
			head, tail, found := bytes.Cut(rest, []byte(change[0]))
			if !found || bytes.Count(head, []byte("\n    Type: ")) != 1 { // it is that of another resource
				return nil, nil, fmt.Errorf("template.yaml: %s has no line %q", name, strings.TrimSpace(change[0]))
			}
			rest = slices.Concat(head, []byte(change[1]), tail)
		}
		text = slices.Concat(before, rest)
		names = append(names, name)
	}
	slices.Sort(names)
	return text, names, nil
}

// An entry is a file of an archive.
type entry struct {
	name   string // with slashes
	data   []byte
	mode   fs.FileMode
	packed bool // it is compressed already
}

// filesBelow reads the regular files below a folder, with their names inside it.
func filesBelow(folder string) ([]entry, error) {
	var files []entry
	err := filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, p)
		files = append(files, entry{name: filepath.ToSlash(name), data: data, mode: info.Mode()})
		return err
	})
	return files, err
}

// zipped packs files, sorted by their names. Those that their owner may run, everybody may.
func zipped(files []entry, at time.Time) ([]byte, error) {
	slices.SortFunc(files, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, f := range files {
		header := &zip.FileHeader{Name: path.Clean(f.name), Method: zip.Deflate, Modified: at}
		if f.packed {
			header.Method = zip.Store
		}
		mode := fs.FileMode(0o644)
		if f.mode&0o100 != 0 {
			mode = 0o755
		}
		header.SetMode(mode)
		out, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := out.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return packed.Bytes(), err
}
