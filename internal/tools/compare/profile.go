//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"clearhop/internal/measure"
)

// A profilePart says in which packages commands spend their time.
type profilePart struct {
	setting
	Lines    int       `json:"lines"`
	Profiles []profile `json:"profiles"`
}

// A profile is that of one run.
type profile struct {
	Name    string  `json:"name"`
	Missing string  `json:"missing,omitempty"`
	Seconds float64 `json:"seconds,omitempty"` // of CPU, in all samples
	Shares  []share `json:"shares,omitempty"`  // the greatest first
}

// A share is how much of the time is a package's own: of its functions, and of what they call
// outside the project, such as a regular expression or a copy of memory.
type share struct {
	Package string  `json:"package"`
	Share   float64 `json:"share"`
}

// measureProfiles profiles commands on the payload, each once.
func (r *runner) measureProfiles(ctx context.Context, lines int) (*profilePart, error) {
	part := &profilePart{setting: r.newSetting(1), Lines: lines}
	file := filepath.Join(r.dir, "profiled.log")
	if err := r.writeInput(ctx, "payload", lines, file); err != nil {
		return nil, err
	}
	for _, id := range []string{"enrich-geo", "enrich-hash", "doctor", "report"} {
		p := r.program(id, file, lines)
		made := filepath.Join(r.dir, id+".pprof")
		p.Args = append(p.Args, "--cpuprofile="+made)
		one := profile{Name: p.Name, Missing: p.Missing}
		if one.Missing == "" {
			if _, err := p.Run(ctx); err != nil {
				one.Missing = err.Error()
			} else if text, err := r.command(ctx, r.repository, "go", "tool", "pprof", "-traces", r.clearhop, made); err != nil {
				one.Missing = fmt.Sprintf("go tool pprof: %v", err)
			} else {
				one.Seconds, one.Shares = sharesOf(text)
			}
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		log.Printf("profile: %s: %.1f s %s", one.Name, one.Seconds, one.Missing)
		part.Profiles = append(part.Profiles, one)
	}
	part.LoadAfter = measure.Load()
	return part, nil
}

// sharesOf reads the stacks that go tool pprof -traces prints. The time of a stack belongs to
// the innermost function of the project; without one to "Go itself", such as the collection
// of garbage.
func sharesOf(text []byte) (seconds float64, shares []share) {
	spent := map[string]time.Duration{}
	var total, weight time.Duration
	found := false
	settle := func() {
		if weight > 0 && !found {
			spent["Go itself"] += weight
		}
		weight, found = 0, false
	}
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) == 0:
			continue
		case strings.HasPrefix(fields[0], "-----------+"):
			settle()
			continue
		}
		if d, err := time.ParseDuration(fields[0]); err == nil && len(fields) > 1 {
			weight, fields = d, fields[1:]
			total += d
		}
		if name, ok := packageOf(fields[0]); ok && weight > 0 && !found {
			spent[name] += weight
			found = true
		}
	}
	settle()
	for name, d := range spent {
		shares = append(shares, share{name, d.Seconds() / total.Seconds()})
	}
	slices.SortFunc(shares, func(a, b share) int { return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Package, b.Package)) })
	return total.Seconds(), shares
}

// packageOf is the package of a function of the project: "encode" of
// "clearhop/encode.(*node[go.shape.string]).append". Functions of DuckDB have no names of Go.
func packageOf(function string) (string, bool) {
	name, _, _ := strings.Cut(function, "[")
	rest, ok := strings.CutPrefix(name, "clearhop/")
	if !ok {
		return "", false
	}
	slash := strings.LastIndexByte(rest, '/') + 1
	last, _, _ := strings.Cut(rest[slash:], ".")
	return rest[:slash] + last, true
}

// profileTable has a row for each package that takes a hundredth of the time of a command.
func profileTable(p *profilePart) string {
	if p == nil {
		return "Not measured yet: `make compare PARTS=profile`.\n"
	}
	var names []string
	for _, one := range p.Profiles {
		for _, s := range one.Shares {
			if s.Share >= 0.01 && !slices.Contains(names, s.Package) {
				names = append(names, s.Package)
			}
		}
	}
	var b strings.Builder
	b.WriteString("| package |")
	for _, one := range p.Profiles {
		fmt.Fprintf(&b, " %s |", one.Name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(p.Profiles)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| `%s` |", name)
		for _, one := range p.Profiles {
			i := slices.IndexFunc(one.Shares, func(s share) bool { return s.Package == name })
			if i < 0 || one.Shares[i].Share < 0.005 {
				b.WriteString(" |")
			} else {
				fmt.Fprintf(&b, " %.0f %% |", one.Shares[i].Share*100)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("| CPU in all |")
	for _, one := range p.Profiles {
		if one.Missing != "" {
			fmt.Fprintf(&b, " not measured: %s |", cell(one.Missing))
		} else {
			fmt.Fprintf(&b, " %.1f s |", one.Seconds)
		}
	}
	b.WriteString("\n")
	return b.String()
}
