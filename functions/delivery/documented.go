package delivery

// A Metric is a number that each invocation reports, as the documentation shows
// it.
type Metric struct {
	Name string
	Unit string // of CloudWatch: Count
	Help string
}

// Metrics lists what is measured. It is there for the documentation and the
// template, whose tables, alarms and dashboard are generated from it.
func Metrics() []Metric {
	list := make([]Metric, len(metricList))
	for i, m := range metricList {
		list[i] = Metric{m.name, string(m.unit), m.help}
	}
	return list
}
