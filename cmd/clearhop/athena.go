package main

import (
	"context"
	"errors"
	"fmt"

	"clearhop/aws/athena"
	"clearhop/internal/setting"
)

// athenaFlags are the flags of the commands that can ask Athena.
type athenaFlags struct {
	Athena   string `name:"athena" placeholder:"WORKGROUP" help:"Ask Athena about the events in S3, in this work group, instead of loading files."`
	Database string `placeholder:"NAME" help:"The Glue database of the events. The default is the name of the work group, as the stack makes them."`
	MaxScan  int64  `placeholder:"BYTES" default:"10000000000" help:"End a query of Athena that scans more bytes; 0 for no limit. Athena bills the bytes that it scans. The default is 10000000000 (10 GB)."`

	engine *athena.Engine
}

// check reports flags that do not go together.
func (f *athenaFlags) check(files []string, db string) error {
	switch {
	case f.Athena == "" && f.Database != "":
		return setting.Error("database", errors.New("goes with --athena"))
	case f.Athena != "" && (len(files) > 0 || db != ""):
		return setting.Error("athena", errors.New("asks for the events in S3: give no file and no --db"))
	case f.MaxScan < 0:
		return setting.Error("max-scan", fmt.Errorf("%d is no number of bytes", f.MaxScan))
	}
	return nil
}

// open connects to Athena.
func (f *athenaFlags) open(ctx context.Context) (*athena.Engine, error) {
	calls, err := athena.Connect(ctx)
	if err != nil {
		return nil, err
	}
	database := f.Database
	if database == "" {
		database = f.Athena
	}
	f.engine = athena.New(athena.Config{Calls: calls, WorkGroup: f.Athena, Database: database, MaxScan: f.MaxScan})
	return f.engine, nil
}

// printScanned says what the queries cost.
func (f *athenaFlags) printScanned(s streams, quiet bool) {
	if f.engine != nil && !quiet {
		fmt.Fprintf(s.err, "clearhop: Athena scanned %s\n", byteSize(f.engine.Scanned()))
	}
}
