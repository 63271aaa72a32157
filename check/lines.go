package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"clearhop/diagnose"
	"clearhop/enrich/clientip"
	"clearhop/hop"
	"clearhop/nginxconf"
	"clearhop/parser"
	"clearhop/pipeline"
	"clearhop/record"
)

func (r *run) noteUnknown(u nginxconf.Unknown) {
	if !slices.Contains(r.unknown, u) {
		r.unknown = append(r.unknown, u)
	}
}

// noteUnlistened says that nobody in the chain listens where a hop passes requests on.
func (r *run) noteUnlistened(at int, c hop.Connection) {
	target := c.To.String()
	if !c.To.IsValid() {
		target = "unix:" + c.Unix
		if c.Unix == "" {
			target = "a name, or an address that a variable holds"
		}
	}
	r.noteUnknown(nginxconf.Unknown{At: r.name(at), What: "it passes requests on to " + target + ", and no server of the files behind it listens there"})
}

// noteUnreached names the hops that no visitor comes to, if all before them is right.
func (r *run) noteUnreached(report *diagnose.Report) {
	if r.state(report) == diagnose.Broken {
		return
	}
	for i, reached := range r.reached {
		if !reached {
			r.noteUnknown(nginxconf.Unknown{At: r.name(i), What: "no hop before it is known to pass a request on to it"})
		}
	}
}

// name returns the name of the main file of a hop.
func (r *run) name(at int) string { return r.Confs[at].Files[0].Name }

// logTime is when all lines are logged. It says nothing.
var logTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// addLine makes the line that a hop would log, in the format that shows most. Lines that
// cannot be known are left out, and so are those of a level that has no log.
func (r *run) addLine(at int, x *hop.Exchange, id int) {
	values := make([]any, 0, 7)
	for _, name := range []string{"remote_addr", "http_x_forwarded_for", "http_x_real_ip", "realip_remote_addr", "proxy_protocol_addr"} {
		v := x.Variable(name)
		switch {
		case v.Unknown != "":
			return
		case !v.Found:
			v.Text = "-"
		}
		values = append(values, escape(v.Text))
	}
	status, agent := x.Status, x.Variable("http_user_agent").Text
	if status == 0 {
		status = 200
	}
	upstream := `"-" "-" "-"`
	if x.Next != nil {
		upstream = fmt.Sprintf("%q %q %q", x.Next.To, "200", "0.001")
	}
	at4 := logTime.Add(time.Duration(id) * time.Second)
	r.lines[at] = append(r.lines[at], fmt.Sprintf(`%s - - [%s] "%s" %d 3 "-" "%s" "%s" "%s" %s %s "shop.example.com" %032x %d.000 0.001 107 http %s`,
		values[0], at4.Format("02/Jan/2006:15:04:05 +0000"), escape(x.Request.Line), status, escape(agent), values[1], values[2], values[3], values[4], id, at4.Unix(), upstream))
}

// addError makes the line of the error log for a connection without a PROXY protocol
// header.
func (r *run) addError(at int, c hop.Connection) {
	first, _, _ := strings.Cut(string(c.Bytes), "\r\n")
	r.errors[at] = append(r.errors[at], fmt.Sprintf(`%s [error] 7#7: *%d broken header: "%s" while reading PROXY protocol, client: %s, server: %s`,
		logTime.Format("2006/01/02 15:04:05"), len(r.errors[at])+1, escape(first), c.Peer, c.To))
}

// escape writes a value as nginx does in a log.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			fmt.Fprintf(&b, `\x%02X`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// diagnose takes the lines through the pipeline and the doctor.
func (r *run) diagnose() (*diagnose.Report, error) {
	trusted := r.Trusted
	if trusted.Empty() {
		set, err := clientip.ParseAddresses(r.edge4.String(), r.edge6.String())
		if err != nil {
			return nil, err
		}
		trusted = set
	}
	trusted.Unix = true
	if len(r.own) > 2 {
		for _, own := range r.own[1 : len(r.own)-1] {
			between, err := clientip.ParseAddresses(own.Address4.String(), own.Address6.String())
			if err != nil {
				return nil, err
			}
			trusted.Prefixes = append(slices.Clone(trusted.Prefixes), between.Prefixes...)
		}
	}
	var nodes []string
	for _, a := range r.NLB.Addresses {
		nodes = append(nodes, a.String())
	}
	nlb, err := clientip.ParseAddresses(nodes...)
	if err != nil {
		return nil, err
	}
	chain := clientip.Chain{NLB: nlb, Trusted: trusted}
	p, err := pipeline.New(pipeline.Config{
		Chain: &chain, NoEvents: true, Parser: parser.Settings{Format: []string{parser.Recommended}, ErrorZone: "UTC"},
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }() // it has opened nothing
	counters := diagnose.NewCounters(diagnose.Config{Chain: chain, GivenNLB: true, GivenTrusted: true, TargetGroups: r.Groups})
	for at := range r.Confs {
		for i, texts := range [][]string{r.lines[at], r.errors[at]} {
			origin := &record.Origin{Source: r.name(at) + []string{"", " (error log)"}[i]}
			lines := make([]record.Line, len(texts))
			for i, text := range texts {
				lines[i] = record.Line{Text: []byte(text), Offset: int64(i), Origin: origin}
			}
			_, err := p.NewWorker().ProcessBatch(lines, true, func(o *pipeline.Outcome) error {
				counters.Add(o.Record)
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return counters.Report(), nil
}
