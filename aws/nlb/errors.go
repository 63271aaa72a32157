package nlb

import (
	"fmt"
	"strconv"
	"strings"

	"clearhop/aws/query"
)

// A NotFoundError says that EC2 shows no network interface of an NLB: there is
// none of the name in the region and the account that the credentials are for.
type NotFoundError struct {
	// Patterns are what the interfaces' descriptions were to match.
	Patterns []string
}

// Error names the patterns.
func (e *NotFoundError) Error() string {
	quoted := make([]string, len(e.Patterns))
	for i, pattern := range e.Patterns {
		quoted[i] = strconv.Quote(pattern)
	}
	return "no network interface is described as " + strings.Join(quoted, ", or as ")
}

// A NameError says that no NLB can have a name.
type NameError struct{ Name string }

// Error names it.
func (e *NameError) Error() string {
	return fmt.Sprintf("%.40q is not the name of an NLB: it holds letters, digits and hyphens, at most %d", e.Name, maxName)
}

// A ServiceError is an error that EC2 or Elastic Load Balancing answered with.
type ServiceError = query.ServiceError
