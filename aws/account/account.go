// Package account reads the configuration of AWS's tools: the region and the
// credentials, from the environment, the files in ~/.aws, or a role.
//
// In go options of the SDK's package config. Out comes an aws.Config whose clients
// log nothing, or an error that says in one line what a person has to do:
//
//	c, err := account.Load(ctx)
//	// no AWS credentials found (set AWS_PROFILE, or run aws sso login)
//
// The functions are safe for concurrent use.
package account

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// ErrNoRegion says that no region is configured.
var ErrNoRegion = errors.New("aws configuration: no region is set, for example by AWS_REGION")

// A CredentialsError says that no credentials could be got.
type CredentialsError struct {
	Reason string // in words for a person
	Err    error  // of the SDK: a long chain
}

// Error returns the reason alone. What the SDK says names each of its parts that
// failed, and hides what to do.
func (e *CredentialsError) Error() string { return e.Reason }

// Unwrap returns the error of the SDK.
func (e *CredentialsError) Unwrap() error { return e.Err }

// An UnreachableError says that a request got no answer: the network is down, a name
// does not resolve, or a firewall or an endpoint is in the way.
type UnreachableError struct {
	Host string // the host, with a port if the URL has one
	Err  error  // why, in a few words, such as "connection refused"
}

// Error returns the host and why it did not answer.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s cannot be reached: %v", e.Host, e.Err)
}

// Unwrap returns why the host did not answer.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Unreachable returns the *UnreachableError in an error of the SDK, or nil if there is
// none. The SDK's own text has the count of its attempts, its names for the call, and
// the URL.
func Unreachable(err error) *UnreachableError {
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); !ok {
		return nil
	}
	failed, ok := errors.AsType[*url.Error](err)
	if !ok {
		return nil
	}
	asked, err := url.Parse(failed.URL)
	if err != nil {
		return nil
	}
	return &UnreachableError{Host: asked.Host, Err: innermost(failed.Err)}
}

// Load reads the configuration. An error is ErrNoRegion, a *CredentialsError for a
// profile that does not exist, or of a file that cannot be read. It does not ask for
// credentials; see Credentials.
func Load(ctx context.Context, options ...func(*config.LoadOptions) error) (aws.Config, error) {
	// The SDK would write warnings to standard error.
	options = append(options, config.WithLogger(logging.Nop{}))
	c, err := config.LoadDefaultConfig(ctx, options...)
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return c, &CredentialsError{Reason: fmt.Sprintf("there is no AWS profile %q (see aws configure list-profiles)", missing.Profile), Err: err}
	}
	if err != nil {
		return c, fmt.Errorf("aws configuration: %w", err)
	}
	if c.Region == "" {
		return c, ErrNoRegion
	}
	return c, nil
}

// Credentials gets credentials. An error is a *CredentialsError, or that of ctx.
func Credentials(ctx context.Context, provider aws.CredentialsProvider) (aws.Credentials, error) {
	got, err := provider.Retrieve(ctx)
	if err == nil {
		return got, nil
	}
	if ctx.Err() != nil {
		return got, ctx.Err()
	}
	return got, &CredentialsError{Reason: reason(err), Err: err}
}

// reason says why there are no credentials.
func reason(err error) string {
	// A profile with an sso_session has errors without a type of their own.
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok || strings.Contains(err.Error(), "SSO token") {
		return "there is no AWS session, or it has expired (run aws sso login)"
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Sprintf("AWS gives no credentials: %s: %s", answer.ErrorCode(), answer.ErrorMessage())
	}
	// The metadata of an EC2 instance are asked last, when nothing is configured.
	if strings.Contains(err.Error(), "EC2 IMDS") {
		return "no AWS credentials found (set AWS_PROFILE, or run aws sso login)"
	}
	if far := Unreachable(err); far != nil {
		return "AWS gives no credentials: " + far.Error()
	}
	return "the AWS credentials cannot be used: " + innermost(err).Error()
}

// innermost returns the last error of a chain that a person can use: that of a file
// keeps the file's name.
func innermost(err error) error {
	for {
		if file, ok := err.(*fs.PathError); ok { //nolint:errorlint // each error of the chain is looked at
			return file
		}
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
