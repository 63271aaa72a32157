package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"clearhop/sink/s3"
)

// Settings say where events go. The functions read them from the environment.
type Settings struct {
	Sink           string            `env:"CLEARHOP_SINK" default:"firehose" help:"Where events go: firehose, kinesis, s3, file (for local runs) or stdout."`
	FirehoseStream string            `env:"CLEARHOP_FIREHOSE_STREAM" help:"Name of the Firehose stream, for the sink firehose."`
	FirehoseFormat string            `env:"CLEARHOP_FIREHOSE_FORMAT" default:"ndjson" help:"What a record of the sink firehose holds: ndjson, many events; or row, one event as a row of an Iceberg table."`
	KinesisStream  string            `env:"CLEARHOP_KINESIS_STREAM" help:"Name of the Kinesis data stream, for the sink kinesis."`
	S3             string            `name:"s3" env:"CLEARHOP_S3" help:"Bucket and prefix, as s3://bucket/prefix/, for the sink s3: one object for each hour that the events of a payload fall in."`
	S3Format       string            `name:"s3-format" env:"CLEARHOP_S3_FORMAT" default:"ndjson.gz" help:"What the objects of the sink s3 hold: ndjson.gz, ndjson.zst or parquet."`
	File           string            `env:"CLEARHOP_FILE" help:"Path of the file that events are appended to, for the sink file."`
	Routes         map[string]string `env:"CLEARHOP_ROUTES" envSeparator:"," mapsep:"," envKeyValSeparator:"=" placeholder:"NAME=SINK" help:"Sinks for the events that a rule routes, as NAME=SINK, separated by commas: firehose:STREAM, kinesis:STREAM or s3://bucket/prefix/."`
	LetterSettings
}

// The values of FirehoseFormat.
const (
	formatNDJSON = "ndjson"
	formatRow    = "row"
)

// LetterSettings say where dead letters go.
type LetterSettings struct {
	DeadLetters string `env:"CLEARHOP_DEAD_LETTERS" help:"Where events go that the sink did not take, and payloads that cannot be read: s3://bucket/prefix/ or the URL of an SQS queue, whose MaximumMessageSize is asked for (sqs:GetQueueAttributes). Without it the invocation fails."`
}

// A sinkName is the setting that names the sink of one kind.
type sinkName struct {
	kind            Kind
	variable, value string
}

// names returns the setting of each kind of sink that has a name.
func (s Settings) names() []sinkName {
	return []sinkName{
		{Firehose, "CLEARHOP_FIREHOSE_STREAM", s.FirehoseStream},
		{Kinesis, "CLEARHOP_KINESIS_STREAM", s.KinesisStream},
		{S3, "CLEARHOP_S3", s.S3},
		{File, "CLEARHOP_FILE", s.File},
	}
}

// Check returns everything that is wrong with s. It does no I/O.
func (s Settings) Check() error {
	var errs []error
	var kinds []string
	for _, n := range s.names() {
		chosen := Kind(s.Sink) == n.kind
		switch {
		case chosen && n.value == "":
			errs = append(errs, fmt.Errorf("%s: the sink %s needs it", n.variable, s.Sink))
		case !chosen && n.value != "":
			errs = append(errs, fmt.Errorf("%s: is given, but the sink is %s", n.variable, cmp.Or(s.Sink, "none")))
		}
		kinds = append(kinds, string(n.kind))
	}
	kinds = append(kinds, string(Stdout)) // it has no name
	if !slices.Contains(kinds, s.Sink) {
		errs = append(errs, fmt.Errorf("CLEARHOP_SINK: there is no sink %q; known: %s", s.Sink, strings.Join(kinds, ", ")))
	}
	if s.S3 != "" {
		errs = append(errs, named("CLEARHOP_S3", checkPlace(s.S3)))
	}
	switch s3.Format(s.S3Format) {
	case s3.NDJSONGzip, s3.NDJSONZstd, s3.Parquet:
	default:
		errs = append(errs, fmt.Errorf("CLEARHOP_S3_FORMAT: there is no format %q; known: %s, %s, %s", s.S3Format, s3.NDJSONGzip, s3.NDJSONZstd, s3.Parquet))
	}
	if s.FirehoseFormat != "" && s.FirehoseFormat != formatNDJSON && s.FirehoseFormat != formatRow {
		errs = append(errs, fmt.Errorf("CLEARHOP_FIREHOSE_FORMAT: there is no format %q; known: %s, %s", s.FirehoseFormat, formatNDJSON, formatRow))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Routes)) {
		if _, err := s.routeTarget(name, 0); err != nil {
			errs = append(errs, fmt.Errorf("CLEARHOP_ROUTES: %s: %w", name, err))
		}
	}
	return errors.Join(append(errs, s.LetterSettings.Check())...)
}

// Check returns what is wrong with s. It does no I/O.
func (s LetterSettings) Check() error {
	if strings.HasPrefix(s.DeadLetters, "s3:") {
		return named("CLEARHOP_DEAD_LETTERS", checkPlace(s.DeadLetters))
	}
	if u, err := url.Parse(s.DeadLetters); s.DeadLetters != "" && (err != nil || u.Host == "") {
		return errors.New("CLEARHOP_DEAD_LETTERS: is neither s3://bucket/prefix/ nor the URL of a queue")
	}
	return nil
}

// named puts the name of a variable before err, if there is one.
func named(variable string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", variable, err)
}

// target returns the sink of the events that no rule routes. The settings must
// have passed Check.
func (s Settings) target(reserve time.Duration) Target {
	t := Target{Kind: Kind(s.Sink), Format: s3.Format(s.S3Format), Rows: s.FirehoseFormat == formatRow, Reserve: reserve}
	for _, n := range s.names() {
		if n.kind == t.Kind {
			t.Name = n.value
		}
	}
	return t
}

// routeTarget returns the sink of a route.
func (s Settings) routeTarget(route string, reserve time.Duration) (Target, error) {
	text := s.Routes[route]
	kind, name, _ := strings.Cut(text, ":")
	t := Target{Kind: Kind(kind), Name: name, Format: s3.Format(s.S3Format), Reserve: reserve}
	good := name != ""
	switch t.Kind {
	case Firehose, Kinesis:
	case S3:
		t.Name = text
		good = checkPlace(text) == nil
	default:
		good = false
	}
	if !good {
		return Target{}, fmt.Errorf("%q is none of firehose:STREAM, kinesis:STREAM and s3://bucket/prefix/", text)
	}
	return t, nil
}

// target returns the sink of dead letters. ok is false if there is no place for
// them. The settings must have passed Check.
func (s LetterSettings) target(reserve time.Duration) (t Target, ok bool) {
	t = Target{Kind: SQS, Name: s.DeadLetters, Reserve: reserve}
	if strings.HasPrefix(s.DeadLetters, "s3:") {
		t.Kind, t.Format = S3, s3.NDJSONGzip
	}
	return t, s.DeadLetters != ""
}
