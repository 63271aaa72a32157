package pipeline

import (
	"path/filepath"

	"clearhop/parser"
	"clearhop/record"
)

// maxStreams bounds the streams whose formats a Worker remembers.
const maxStreams = 1000

// formatsFor returns the formats of the stream that origin names. Each stream has
// a Set of its own, which remembers the format that matched last.
func (w *Worker) formatsFor(origin *record.Origin) *parser.Set {
	if origin == w.currentOrigin && w.current != nil {
		return w.current
	}
	name := streamOf(origin)
	set := w.formats[name]
	if set == nil {
		if len(w.formats) >= maxStreams {
			clear(w.formats)
		}
		set = w.p.formats.For(name)
		w.formats[name] = set
	}
	w.current, w.currentOrigin = set, origin
	return set
}

// streamOf returns the name of the stream: its log group or file.
func streamOf(origin *record.Origin) string {
	if origin.LogGroup != "" {
		return origin.LogGroup
	}
	return filepath.ToSlash(origin.Source)
}
