package watch

import (
	"slices"
	"time"

	"clearhop/diagnose"
)

// When a finding has ended.
const (
	quietPeriods = 3  // in a row must be without it
	maxDoublings = 5  // of quietPeriods: once for each time that it began again
	expected     = 10 // lines would show it, if it were still there
	remembered   = 24 * time.Hour
)

// A judged is a period with what was found in it.
type judged struct {
	*sample
	*diagnose.Report
}

// groupsOf returns the log groups that show a finding, the one with most lines first. A
// finding has no sources of its own where there is one source only.
func (j *judged) groupsOf(f *diagnose.Finding) []string {
	known := j.groupOf()
	var groups []string
	add := func(source string, lines int64) {
		if group := known[source]; lines > 0 && group != "" && !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	for _, s := range f.Sources {
		add(s.Name, s.Lines)
	}
	for i := 0; i < len(j.Sources) && len(f.Sources) == 0; i++ {
		add(j.Sources[i].Name, j.Sources[i].Faulty)
	}
	for i := 0; i < len(j.streams) && len(groups) == 0; i++ {
		add(j.streams[i].lines[0].Origin.Source, 1)
	}
	return groups
}

// update brings the state up to date with a period. Messages about what has changed wait
// in it. It reports whether there is anything to write.
func (st *state) update(j *judged, m *messenger) (changed bool) {
	changed = len(st.Findings) > 0 || st.Next != j.next
	st.Through, st.Next = j.to, j.next
	st.Findings = slices.DeleteFunc(st.Findings, func(k known) bool { return k.Ended != nil && j.to.Sub(*k.Ended) > remembered })
	shown := map[int]bool{} // the indices of findings that this period shows
	for i := range j.Findings {
		f := &j.Findings[i]
		if f.Share*100 < m.minPercent {
			continue
		}
		changed = true
		n := slices.IndexFunc(st.Findings, func(k known) bool { return k.is(f) })
		if n < 0 {
			st.Findings = append(st.Findings, known{Code: f.Code, Hop: f.Hop, Began: began(f)})
			n = len(st.Findings) - 1
			st.Messages = append(st.Messages, m.began(j, i, 0))
		}
		k := &st.Findings[n]
		if k.Ended != nil && !shown[n] {
			k.Ended, k.Began = nil, began(f)
			k.Returns++
			st.Messages = append(st.Messages, m.began(j, i, k.Returns))
		}
		shown[n] = true
		k.show(f, j)
	}
	for i := range st.Findings {
		if k := &st.Findings[i]; k.Ended == nil && !shown[i] && k.miss(j) {
			k.Ended = &j.to
			st.Messages = append(st.Messages, m.ended(k))
		}
	}
	return changed
}

// began returns when a finding began, as far as the period shows it.
func began(f *diagnose.Finding) time.Time {
	if f.Since != nil {
		return *f.Since
	}
	return f.First
}

// show notes a period that shows the finding.
func (k *known) show(f *diagnose.Finding, j *judged) {
	k.Last, k.Share, k.Quiet, k.Right = f.Last, f.Share, 0, 0
	for _, group := range j.groupsOf(f) {
		if !slices.Contains(k.Groups, group) {
			k.Groups = append(k.Groups, group)
		}
	}
	slices.Sort(k.Groups)
	k.Unseen = slices.Clone(k.Groups)
}

// miss notes a period that does not show the finding, and reports whether it has ended.
func (k *known) miss(j *judged) bool {
	// A group that is gone is not among those left out, and is not waited for.
	k.Unseen = slices.DeleteFunc(k.Unseen, func(group string) bool { return !slices.Contains(j.leftOut, group) })
	groups := j.groupOf()
	var right int64
	for _, s := range j.Sources {
		if slices.Contains(k.Groups, groups[s.Name]) {
			right += s.Lines - s.Faulty
		}
	}
	// Lines of a source may be health checks, which say nothing.
	if right = min(right, j.Read.Judged); right <= 0 {
		return false
	}
	k.Quiet++
	k.Right += right
	return len(k.Unseen) == 0 && k.Quiet >= quietPeriods<<min(k.Returns, maxDoublings) && float64(k.Right)*k.Share >= expected
}
