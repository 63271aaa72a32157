// Command eventcode writes encode/event_generated.go, the functions that append an event,
// from the table of fields in encode/fields.go.
//
//	{"@timestamp": …}     from   timestamp("@timestamp", …, func(r *record.Record) int64 { return r.Timestamp })
//
// It reads the text of the table: the keys become constants, and what a function of the
// table returns is put where it is asked for. No call through a pointer is left.
//
// Run it by go generate ./encode.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("eventcode: ")
	in := flag.String("in", ".", "`folder` of the package encode")
	out := flag.String("out", "event_generated.go", "`file` to write in that folder")
	flag.Parse()
	code, err := generate(*in)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*in, *out), code, 0o644); err != nil {
		log.Fatal(err)
	}
}
