package check

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the comparison for a person, in lines of the given width; 0 stands
// for 80. It calls w.Write once. The error is that of w.
func (c *Comparison) WriteText(w io.Writer, columns int) error {
	t := &textWriter{Result: &Result{Changes: c.Changes, TargetGroup: c.TargetGroup, Fixed: c.Fixed}, columns: columns}
	t.line("")
	t.fold("", "", fmt.Sprintf("The log against %s:", strings.Join(c.Files, " and ")))
	for _, s := range c.Says {
		t.fold("  ", "  ", s)
	}
	if len(c.Changes)+len(c.TargetGroup) > 0 {
		t.changes()
	}
	t.list("Assumed", c.Assumed)
	t.list("Not known, and so not judged", unknownTexts(c.Unknowns))
	_, err := w.Write(t.Bytes())
	return err
}
