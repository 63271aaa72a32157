package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"clearhop/enrich/geoip"
)

// maxMember bounds a file of a package in bytes. The largest is 71 MB.
const maxMember = 1 << 29

// fetch gives the path of the source's package, out of the cache if it is there
// and whole.
func fetch(ctx context.Context, cache string, source geoip.Source) (string, error) {
	path := filepath.Join(cache, archiveName(source))
	err := checkIntegrity(path, source.Integrity)
	if err == nil {
		return path, nil
	}
	// A digest that does not fit may come of a download that broke off.
	if _, wrong := errors.AsType[*integrityError](err); !wrong && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := download(ctx, cache, source); err != nil {
		return "", err
	}
	if err := checkIntegrity(path, source.Integrity); err != nil {
		return "", err
	}
	return path, nil
}

func download(ctx context.Context, cache string, source geoip.Source) error {
	spec := source.Package + "@" + source.Version
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("fetch %s: npm is not installed; install Node.js, which brings it, or put the package into %s", spec, cache)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	var said strings.Builder
	pack := exec.CommandContext(ctx, npm, "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", ".", spec)
	pack.Dir = cache
	pack.Stderr = &said
	if err := pack.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("fetch %s: npm pack failed (is the npm registry reachable?): %w\n%s", spec, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// archiveName is how npm pack names the archive of a package.
func archiveName(source geoip.Source) string {
	name := strings.ReplaceAll(strings.TrimPrefix(source.Package, "@"), "/", "-")
	return name + "-" + source.Version + ".tgz"
}

// integrityError is an archive whose digest is not the pinned one.
type integrityError struct {
	path, got, want string
}

func (e *integrityError) Error() string {
	return fmt.Sprintf("%s has the digest %s, want %s", e.path, e.got, e.want)
}

func checkIntegrity(path, want string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	digest := sha512.New()
	if _, err := io.Copy(digest, file); err != nil {
		return err
	}
	got := "sha512-" + base64.StdEncoding.EncodeToString(digest.Sum(nil))
	if got != want {
		return &integrityError{path, got, want}
	}
	return nil
}

// unpack reads the files of a package that want asks for, by their names inside
// it.
func unpack(archive string, want func(name string) bool) (map[string][]byte, error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	compressed, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", archive, err)
	}
	files := map[string][]byte{}
	for members := tar.NewReader(compressed); ; {
		member, err := members.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("unpack %s: %w", archive, err)
		}
		// npm puts everything into one folder.
		_, name, _ := strings.Cut(path.Clean(member.Name), "/")
		if member.Typeflag != tar.TypeReg || !want(name) {
			continue
		}
		if member.Size > maxMember {
			return nil, fmt.Errorf("unpack %s: %s has %d bytes, more than %d", archive, name, member.Size, maxMember)
		}
		content := make([]byte, member.Size)
		if _, err := io.ReadFull(members, content); err != nil {
			return nil, fmt.Errorf("unpack %s: %s: %w", archive, name, err)
		}
		files[name] = content
	}
}

// isLicense reports whether a file of a package has to go where its data goes.
// One of them keeps what the licence asks it to tell of changes in a file of
// its own.
func isLicense(name string) bool {
	name = strings.ToUpper(name)
	return !strings.Contains(name, "/") && (strings.Contains(name, "LICENSE") || name == "MODIFICATIONS")
}
