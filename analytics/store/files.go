//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"clearhop/decode"
)

// Files loads files of events: NDJSON, plain or compressed, and Parquet. Of a folder it
// loads all files, also in the folders below it, and takes the columns dt and hour from
// names such as dt=2026-11-20/hour=14. A file that cannot be read does not keep the
// others from being loaded; of one that ends too early the events before are kept. The
// error joins those of all files, and is that of the Load if nothing can be added any
// more.
func (l *Load) Files(names []string, o Reading) error {
	var errs []error
	for _, name := range names {
		files, err := eventFiles(name)
		errs = append(errs, err)
		for _, file := range files {
			if l.ctx.Err() != nil {
				return errors.Join(errs...)
			}
			if err := l.file(file, o); err != nil {
				errs = append(errs, err)
			}
			if l.failed != nil {
				return errors.Join(errs...)
			}
		}
	}
	return errors.Join(errs...)
}

// eventFiles returns the files below a folder, or the file itself. Names that begin with
// a dot or an underscore are left out, as Athena does.
func eventFiles(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, nil // opening it gives the error
	}
	var files []string
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != name && strings.ContainsAny(entry.Name()[:1], "._"):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = &FileError{name, "the folder holds no files"}
	}
	return files, err
}

// partition finds the day and the hour in the name of a file of the bucket.
var partition = regexp.MustCompile(`(?:^|[/\\])(dt|hour)=([0-9-]{1,10})`)

// file loads one file, unless all of it is there.
func (l *Load) file(name string, o Reading) error {
	known, err := l.s.Recall(l.ctx, name)
	if err != nil {
		return err
	}
	if known.Whole {
		l.stats.Known++
		l.read(known.size, o)
		return nil
	}
	l.dt, l.hour = nil, nil
	for _, m := range partition.FindAllStringSubmatch(name, -1) {
		if m[1] == "dt" {
			l.dt = []byte(m[2])
		} else {
			l.hour = []byte(m[2])
		}
	}
	defer func() { l.dt, l.hour = nil, nil }()
	kind, err := Sniff(name)
	switch {
	case err != nil:
		return err
	case kind == Empty:
		o.warn(&FileError{name, "is empty"})
	case kind == Parquet:
		err = l.parquet(name)
	case kind == Events:
		err = l.eventLines(name, o)
	default:
		return &FileError{name, "holds no events: it is neither NDJSON nor Parquet that clearhop wrote; give a log by its own name, because only events are read from a folder"}
	}
	if err == nil && l.ctx.Err() == nil {
		l.Done(known)
	}
	l.stats.Files++
	l.read(known.size, o)
	return err
}

// eventLines loads a file of NDJSON.
func (l *Load) eventLines(name string, o Reading) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return l.Lines(f, name, o)
}

// Lines loads NDJSON, plain or compressed, from a stream. Rows that are no events are
// counted and reported.
func (l *Load) Lines(in io.Reader, name string, o Reading) error {
	r := decode.NewReader(in, decode.Options{Name: name})
	for n := int64(1); l.ctx.Err() == nil; n++ {
		line, err := r.Next()
		if o.Progress != nil && n%rowsPerChunk == 0 {
			o.Progress(l.bytes + r.BytesRead())
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		err = l.Add(line.Text)
		var bad *EventError
		switch {
		case errors.As(err, &bad):
			o.warn(&RowError{Name: name, Line: n + r.Empty(), Err: bad})
		case err != nil:
			return err
		}
	}
	return nil
}

// read counts the bytes of a file that was read.
func (l *Load) read(bytes int64, o Reading) {
	l.bytes += bytes
	if o.Progress != nil {
		o.Progress(l.bytes)
	}
}

// setPartition sets the columns dt and hour of a row.
func (l *Load) setPartition(row int) {
	if l.dt != nil {
		l.rows.arena = l.dtColumn.setText(row, l.dt, l.rows.arena)
	}
	if l.hour != nil {
		l.rows.arena = l.hourColumn.setText(row, l.hour, l.rows.arena)
	}
}
