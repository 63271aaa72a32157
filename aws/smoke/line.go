package smoke

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"clearhop/encode/accesslog"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

// What the line says.
const (
	// Mark begins the name of the log stream and, after a slash, the path of the request.
	Mark = "clearhop-smoke/"
	// Client is the address that asks. It is one of those for documentation (RFC 5737).
	Client = "192.0.2.1"
	// Agent is the user agent, which says that it is a robot.
	Agent = "clearhop-smoke-bot/1.0"
)

// Path returns the path that the line of an id asks for.
func Path(id string) string { return "/" + Mark + id }

// Line returns an access line of an id in a format, which is one that the setting format
// takes. auto gives combined. It is an error if a line of the format cannot be written, or
// cannot be read back with its path.
func Line(format, id string, now time.Time) ([]byte, error) {
	combined := fmt.Appendf(nil, `%s - - [%s] "GET %s HTTP/1.1" 200 0 "-" "%s"`,
		Client, now.UTC().Format("02/Jan/2006:15:04:05 -0700"), Path(id), Agent)
	if format == "" || format == "auto" {
		return combined, nil
	}
	template, err := parser.ParseTemplate(format, parser.ReadConf)
	if err != nil {
		return nil, err
	}
	line, err := process(combined, pipeline.Config{
		Parser: parser.Settings{Format: []string{"combined"}, ErrorZone: "UTC"},
		Lines:  accesslog.New(accesslog.Config{Template: template, Unvouched: true}),
	}, func(o *pipeline.Outcome) []byte { return o.Data })
	if err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	path, err := process(line, pipeline.Config{Parser: parser.Settings{Format: []string{format}, ErrorZone: "UTC"}},
		func(o *pipeline.Outcome) []byte { return o.Record.URL.Path })
	if err != nil || string(path) != Path(id) {
		return nil, errors.Join(errors.New("a line of this format does not show the path that it asks for"), err)
	}
	return line, nil
}

// process takes one line through a pipeline, and returns what is wanted of the outcome.
func process(text []byte, c pipeline.Config, want func(*pipeline.Outcome) []byte) ([]byte, error) {
	p, err := pipeline.New(c)
	if err != nil {
		return nil, err
	}
	out := p.NewWorker().Process(&record.Line{Text: text, Origin: &record.Origin{}})
	got := bytes.Clone(want(&out))
	return got, errors.Join(out.Err, p.Close())
}
