package loggroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"clearhop/aws/account"

	"github.com/aws/smithy-go"
)

// A NotFoundError says that no log group has the name, or a name that begins with it, in
// the region and the account of the credentials.
type NotFoundError struct {
	Name   string
	Prefix bool
	Region string
	Near   []string // names of groups that are alike, at most 5
}

// Error returns the name, the region and the names that are alike.
func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("there is no log group %q in %s", e.Name, e.Region)
	if e.Prefix {
		text = fmt.Sprintf("no log group in %s has a name that begins with %q", e.Region, e.Name)
	}
	if len(e.Near) > 0 {
		text += "; there are: " + strings.Join(e.Near, ", ")
	}
	return text
}

// A ForbiddenError says that the credentials may not make a call.
type ForbiddenError struct {
	Action string // of IAM: logs:FilterLogEvents
	Group  string // empty if the call is about no group
	err    error
}

// Error returns the permission that is missing.
func (e *ForbiddenError) Error() string {
	text := "these credentials lack the permission " + e.Action
	if e.Group != "" {
		text += " for the log group " + e.Group
	}
	return text
}

// Unwrap returns the answer of AWS.
func (e *ForbiddenError) Unwrap() error { return e.err }

// forbidden are the codes with which AWS refuses a caller.
var forbidden = []string{"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}

// because returns the error of a call in a person's words.
func because(action, group string, err error) error {
	var answer smithy.APIError
	switch far := account.Unreachable(err); {
	case errors.As(err, &answer) && slices.Contains(forbidden, answer.ErrorCode()):
		return &ForbiddenError{Action: "logs:" + action, Group: group, err: answer}
	case answer != nil:
		err = answer
	case far != nil:
		err = far
	}
	return fmt.Errorf("%s: %w", action, err)
}
