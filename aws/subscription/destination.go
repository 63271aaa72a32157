package subscription

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// A Destination receives log events: a Lambda function, a Kinesis stream, a Firehose
// stream, or what stands for a stream of another account: a destination of CloudWatch
// Logs. The zero value is no destination.
type Destination struct {
	// ARN is the full name.
	ARN string
	// Service is lambda, kinesis, firehose or logs.
	Service string
	// Name is the name of the function or stream, without a qualifier.
	Name string
	// Qualifier is the alias or version of a function, or "".
	Qualifier string

	Partition, Region, Account string
}

// The services of Destinations, as they are written in ARNs.
const (
	Lambda          = "lambda"
	Kinesis         = "kinesis"
	Firehose        = "firehose"
	LogsDestination = "logs"
)

// UnmarshalText reads an ARN. It changes d only if the ARN is valid.
func (d *Destination) UnmarshalText(text []byte) error {
	a, err := arn.Parse(string(text))
	if err != nil {
		return fmt.Errorf("%.200q is not an ARN", text)
	}
	read := Destination{ARN: string(text), Service: a.Service, Partition: a.Partition, Region: a.Region, Account: a.AccountID}
	kind, name, qualifier := a.Resource, "", ""
	switch a.Service {
	case Lambda:
		kind, name, _ = strings.Cut(a.Resource, ":")
		name, qualifier, _ = strings.Cut(name, ":")
	case Kinesis, Firehose:
		kind, name, _ = strings.Cut(a.Resource, "/")
	case LogsDestination:
		kind, name, _ = strings.Cut(a.Resource, ":")
	}
	switch a.Service + ":" + kind {
	case "lambda:function", "kinesis:stream", "firehose:deliverystream", "logs:destination":
	default:
		return fmt.Errorf("%.200q is not the ARN of a Lambda function, Kinesis stream, Firehose stream or destination of CloudWatch Logs", text)
	}
	read.Name, read.Qualifier = name, qualifier
	qualified := strings.HasSuffix(a.Resource, ":") || strings.Contains(qualifier, ":")
	if qualified || !only(name, "-_.") || qualifier != "" && !only(qualifier, "-_$") || !only(a.Region, "-") || !isAccount(a.AccountID) {
		return fmt.Errorf("%.200q: its region, account or name is missing or wrong", text)
	}
	*d = read
	return nil
}

// NeedsRole reports whether CloudWatch Logs needs a role to send to it. For a
// function, the function's policy grants the permission instead. A destination of
// CloudWatch Logs has a role of its own.
func (d Destination) NeedsRole() bool { return d.Service == Kinesis || d.Service == Firehose }

// PermissionCommand returns the AWS CLI command that lets CloudWatch Logs invoke the
// function from all log groups of its account and region. With one statement for
// each group, the function's policy would reach its limit of 20 KB at about sixty
// groups. For a stream it returns "".
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

// CheckGroup returns an error if name can be neither the name of a log group nor the
// beginning of one.
func CheckGroup(name string) error {
	if len(name) > maxGroup || !only(name, "-_./#") {
		return fmt.Errorf("%.80q is not a log group name: use letters, digits and - _ . / #, 1 to %d characters", name, maxGroup)
	}
	return nil
}

// CheckFilter returns an error if name cannot be the name of a filter.
func CheckFilter(name string) error {
	if name == "" || len(name) > maxFilter || strings.ContainsAny(name, ":*") {
		return fmt.Errorf("%.80q is not a filter name: use 1 to %d characters, but not : and *", name, maxFilter)
	}
	return nil
}

// The limits of names and patterns, in bytes.
const (
	maxGroup   = 512
	maxFilter  = 512
	maxPattern = 1024
)

// checkRole returns an error if text is not the ARN of a role in the account.
func checkRole(text, account string) error {
	a, err := arn.Parse(text)
	switch {
	case err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/"):
		return fmt.Errorf("%.200q is not the ARN of an IAM role", text)
	case a.AccountID != account:
		return errors.New("the role is not in the destination's account")
	}
	return nil
}

// only reports whether text is not empty and has only letters, digits and bytes of
// others.
func only(text, others string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(others, rune(c)) {
			return false
		}
	}
	return text != ""
}

// isAccount reports whether text is the id of an account: twelve digits.
func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}
