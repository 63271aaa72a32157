package chain

import (
	"embed"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/tools/txtar"
)

// Each scenario is one text archive, so that a reader sees a scenario as a whole.
//
//go:embed testdata/*.txtar
var archives embed.FS

// Recorded returns what make chain last recorded, as a read-only tree with a
// folder for each scenario:
//
//	ok/edge.conf          the configuration of a hop: edge, web, or mid between them
//	ok/edge.clearhop.log  what a hop logged, in each of the formats seed, clearhop and json
//	ok/edge.error.log     its error log
//	ok/want.txt           what Clearhop says about every line
//
// A log that stayed empty is not in the tree. All callers share one tree and may
// use it at the same time.
func Recorded() fs.FS { return recorded() }

var recorded = sync.OnceValue(func() fs.FS {
	var tree txtar.Archive
	err := fs.WalkDir(archives, "testdata", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := archives.ReadFile(name)
		if err != nil {
			return err
		}
		scenario := strings.TrimSuffix(path.Base(name), ".txtar")
		for _, file := range txtar.Parse(data).Files {
			tree.Files = append(tree.Files, txtar.File{Name: scenario + "/" + file.Name, Data: file.Data})
		}
		return nil
	})
	if err != nil {
		panic(err) // embedded files can always be read
	}
	files, err := txtar.FS(&tree)
	if err != nil {
		panic(err) // only an archive edited by hand can hold one name twice
	}
	return files
})
