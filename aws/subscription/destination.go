package subscription

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// A Destination is what log events are sent to: a Lambda function, a Kinesis
// stream or a Firehose stream. The zero value is none.
type Destination struct {
	// ARN is the whole name.
	ARN string
	// Service is lambda, kinesis or firehose.
	Service string
	// Name is that of the function or stream, without a function's qualifier.
	Name string
	// Qualifier is the alias or version of a function; empty if the ARN has none.
	Qualifier string

	Partition, Region, Account string
}

// The services that can be a Destination, as ARNs have them.
const (
	Lambda   = "lambda"
	Kinesis  = "kinesis"
	Firehose = "firehose"
)

// UnmarshalText reads an ARN.
func (d *Destination) UnmarshalText(text []byte) error {
	a, err := arn.Parse(string(text))
	if err != nil {
		return fmt.Errorf("%.200q is no ARN", text)
	}
	read := Destination{ARN: string(text), Service: a.Service, Partition: a.Partition, Region: a.Region, Account: a.AccountID}
	kind, name, qualifier := a.Resource, "", ""
	switch a.Service {
	case Lambda:
		kind, name, _ = strings.Cut(a.Resource, ":")
		name, qualifier, _ = strings.Cut(name, ":")
	case Kinesis, Firehose:
		kind, name, _ = strings.Cut(a.Resource, "/")
	}
	switch a.Service + ":" + kind {
	case "lambda:function", "kinesis:stream", "firehose:deliverystream":
	default:
		return fmt.Errorf("%.200q is no Lambda function, Kinesis stream or Firehose stream", text)
	}
	read.Name, read.Qualifier = name, qualifier
	qualified := strings.HasSuffix(a.Resource, ":") || strings.Contains(qualifier, ":")
	if qualified || !only(name, "-_.") || qualifier != "" && !only(qualifier, "-_$") || !only(a.Region, "-") || !isAccount(a.AccountID) {
		return fmt.Errorf("%.200q: its region, account or name is missing or wrong", text)
	}
	*d = read
	return nil
}

// NeedsRole reports whether CloudWatch Logs sends to it by a role. To a function
// it sends by leave of the function's own policy.
func (d Destination) NeedsRole() bool { return d.Service != Lambda }

// PermissionCommand is the call of AWS's command line tool that lets CloudWatch
// Logs invoke the function from all log groups of its account and region. One
// statement a group would meet the limit of a function's policy, 20 KB, at some
// sixty groups. It is empty for a stream.
func (d Destination) PermissionCommand() string {
	if d.Service != Lambda {
		return ""
	}
	qualifier := ""
	if d.Qualifier != "" {
		qualifier = " --qualifier '" + d.Qualifier + "'"
	}
	return fmt.Sprintf("aws lambda add-permission --region %s --function-name %s%s --statement-id cloudwatch-logs"+
		" --action lambda:InvokeFunction --principal logs.amazonaws.com --source-account %s --source-arn 'arn:%s:logs:%s:%s:log-group:*'",
		d.Region, d.Name, qualifier, d.Account, d.Partition, d.Region, d.Account)
}

// CheckGroup returns an error for what is no name of a log group, nor the
// beginning of one.
func CheckGroup(name string) error {
	if len(name) > maxGroup || !only(name, "-_./#") {
		return fmt.Errorf("%.80q is no name of a log group: it holds letters, digits and any of - _ . / #, at most %d", name, maxGroup)
	}
	return nil
}

// CheckFilter returns an error for what is no name of a filter.
func CheckFilter(name string) error {
	if name == "" || len(name) > maxFilter || strings.ContainsAny(name, ":*") {
		return fmt.Errorf("%.80q is no name of a filter: it holds neither : nor *, and 1 to %d characters", name, maxFilter)
	}
	return nil
}

// How long names and patterns may be.
const (
	maxGroup   = 512
	maxFilter  = 512
	maxPattern = 1024
)

// checkRole returns an error for what is no ARN of a role in the account.
func checkRole(text, account string) error {
	a, err := arn.Parse(text)
	switch {
	case err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/"):
		return fmt.Errorf("%.200q is no ARN of an IAM role", text)
	case a.AccountID != account:
		return errors.New("the role is not in the destination's account")
	}
	return nil
}

// only reports whether text holds nothing but letters, digits and some others,
// and at least one of them.
func only(text, others string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(others, rune(c)) {
			return false
		}
	}
	return text != ""
}

func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}
