package dashboard_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"clearhop/dashboard"
	"clearhop/dashboard/dashboardtest"
	"clearhop/internal/golden"
)

// TestVectors writes the rows, the states and the answers that were counted for them into
// a file that the tests of the page's own engine read. Each row and each case is a line.
func TestVectors(t *testing.T) {
	rows := dashboardtest.Rows()
	var out bytes.Buffer
	list := func(name string, n int, item func(i int) any) {
		out.WriteString("  \"" + name + "\": [")
		for i := range n {
			text, err := json.Marshal(item(i))
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString("\n    ")
			out.Write(text)
		}
		out.WriteString("\n  ]")
	}
	type answered struct {
		dashboardtest.Case
		Answer *dashboard.Answer `json:"answer"`
		Hops   []dashboard.Hop   `json:"hops"`
	}
	type boardAnswered struct {
		dashboardtest.BoardCase
		Board *dashboard.Board `json:"board"`
	}
	cases, boards := dashboardtest.Cases(), dashboardtest.BoardCases()
	out.WriteString("{\n")
	list("rows", len(rows), func(i int) any { return &rows[i] })
	out.WriteString(",\n")
	list("cases", len(cases), func(i int) any {
		s := dashboardtest.ReadState(t, cases[i].Query)
		return answered{cases[i], dashboardtest.Explore(rows, s), dashboardtest.Hops(rows, s)}
	})
	out.WriteString(",\n")
	list("boards", len(boards), func(i int) any {
		c := boards[i]
		return boardAnswered{c, dashboardtest.Board(rows, dashboard.BoardQuery{
			State: dashboardtest.ReadState(t, c.Query), Dimension: c.Dimension, Limit: c.Limit, Find: c.Find})}
	})
	out.WriteString("\n}\n")
	golden.Check(t, "testdata/vectors.json", out.Bytes())
}
