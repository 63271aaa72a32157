package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// architectures are those of the image. Each has a root below the folder ROOTS.
var architectures = []string{"amd64", "arm64"}

// What the OCI image specification calls these documents.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// A descriptor points to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// A manifest is an image of one architecture, an index several of them.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        *descriptor       `json:"config,omitempty"`
	Layers        []descriptor      `json:"layers,omitempty"`
	Manifests     []descriptor      `json:"manifests,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// A config says how a container is started.
type config struct {
	Created time.Time `json:"created"`
	platform
	Config struct {
		User       string
		Env        []string
		Entrypoint []string
		WorkingDir string
		Labels     map[string]string
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// A layout is an OCI image layout as a tar, which podman, skopeo, crane and Docker read.
type layout struct {
	files []entry
	known map[string]bool
}

// makeImage writes an image of the root in ROOTS/ARCHITECTURE for each architecture. It
// starts clearhop as a user without rights, in /work, where a person mounts the logs.
func makeImage(version, file, roots, commit string, at time.Time) error {
	l := &layout{known: map[string]bool{}}
	index := manifest{SchemaVersion: 2, MediaType: typeIndex, Annotations: labels(version, commit, at)}
	for _, architecture := range architectures {
		d, err := l.addRoot(filepath.Join(roots, architecture), architecture, version, commit, at)
		if err != nil {
			return err
		}
		index.Manifests = append(index.Manifests, d)
	}
	whole, err := l.addJSON(typeIndex, index)
	if err != nil {
		return err
	}
	whole.Annotations = map[string]string{"org.opencontainers.image.ref.name": version}
	top, err := json.Marshal(manifest{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{whole}})
	if err != nil {
		return err
	}
	l.files = append(l.files,
		entry{name: "oci-layout", data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		entry{name: "index.json", data: top})
	packed, err := tarred(l.files, at)
	if err != nil {
		return err
	}
	return os.WriteFile(file, packed, 0o644)
}

// labels are the annotations that registries show.
func labels(version, commit string, at time.Time) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "clearhop",
		"org.opencontainers.image.description": "Puts the true client address back into nginx access logs behind an AWS Network Load Balancer",
		"org.opencontainers.image.version":     version,
		"org.opencontainers.image.revision":    commit,
		"org.opencontainers.image.created":     at.Format(time.RFC3339),
	}
}

func (l *layout) addRoot(root, architecture, version, commit string, at time.Time) (descriptor, error) {
	files, err := filesBelow(root)
	if err != nil {
		return descriptor{}, err
	}
	raw, err := tarred(append(files, entry{name: "tmp/", mode: 0o1777}, entry{name: "work/", mode: 0o755}), at)
	if err != nil {
		return descriptor{}, err
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is valid
	if _, err := w.Write(raw); err != nil {
		return descriptor{}, err
	}
	if err := w.Close(); err != nil {
		return descriptor{}, err
	}
	is := platform{architecture, "linux"}
	c := config{Created: at, platform: is}
	c.Config.User = "65532:65532"
	c.Config.Env = []string{"PATH=/usr/bin"}
	c.Config.Entrypoint = []string{"/usr/bin/clearhop"}
	c.Config.WorkingDir = "/work"
	c.Config.Labels = labels(version, commit, at)
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{digest(raw)}
	about, err := l.addJSON(typeConfig, c)
	if err != nil {
		return descriptor{}, err
	}
	layer := l.add(typeLayer, packed.Bytes())
	d, err := l.addJSON(typeManifest, manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &about, Layers: []descriptor{layer}})
	d.Platform = &is
	return d, err
}

func (l *layout) addJSON(mediaType string, document any) (descriptor, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return descriptor{}, err
	}
	return l.add(mediaType, data), nil
}

func (l *layout) add(mediaType string, data []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(data), Size: len(data)}
	if !l.known[d.Digest] {
		l.known[d.Digest] = true
		l.files = append(l.files, entry{name: "blobs/sha256/" + d.Digest[len("sha256:"):], data: data})
	}
	return d
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// tarred packs files, sorted by their names, with the folders that they lie in. All belong
// to root. A name that ends with a slash is a folder.
func tarred(files []entry, at time.Time) ([]byte, error) {
	folders := map[string]entry{}
	for _, f := range files {
		for folder := path.Dir(path.Clean(f.name)); folder != "."; folder = path.Dir(folder) {
			folders[folder+"/"] = entry{name: folder + "/", mode: 0o755}
		}
	}
	all := slices.Clone(files)
	for name, folder := range folders {
		if !slices.ContainsFunc(files, func(f entry) bool { return f.name == name }) {
			all = append(all, folder)
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range all {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		switch {
		case f.name[len(f.name)-1] == '/':
			header.Typeflag, header.Mode = tar.TypeDir, int64(f.mode)
		case f.mode&0o100 != 0:
			header.Mode = 0o755
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return packed.Bytes(), err
}
