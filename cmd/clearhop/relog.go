package main

import (
	"fmt"

	"clearhop/encode/accesslog"
	"clearhop/internal/setting"
	"clearhop/parser"
)

// relogFlags ask enrich for lines of an access log in the place of events.
type relogFlags struct {
	As        string `placeholder:"FORMAT" help:"Write access lines again, with the client in the place of $$remote_addr: in a log_format (combined, main, another name of clearhop format, a directive, a format string, @nginx.conf#NAME), or as-is, which changes nothing else in the line."`
	KnownOnly bool   `help:"With --as: leave out the lines whose client is not known. They have - in the place of $$remote_addr otherwise."`
	Unvouched bool   `help:"With --as: also write a client that no trusted hop vouches for. A visitor can make it up, so do not use this for fail2ban."`
}

// asIs is the FORMAT of --as for lines as they came.
const asIs = "as-is"

// writer returns what writes the lines; nil if events are to be written.
func (f *relogFlags) writer() (*accesslog.Writer, error) {
	config := accesslog.Config{Unvouched: f.Unvouched, KnownOnly: f.KnownOnly}
	switch f.As {
	case "":
		return nil, nil
	case asIs:
	default:
		template, err := parser.ParseTemplate(f.As, parser.ReadConf)
		if err != nil {
			return nil, setting.Error("as", fmt.Errorf("%w (or %s)", err, asIs))
		}
		config.Template = template
	}
	return accesslog.New(config), nil
}
