// Package stored reads settings that stand elsewhere than in the environment of a
// function: a secret in Secrets Manager, and lists of networks in S3. The environment
// of a Lambda function holds 4 KB, and whoever may see the function's configuration can
// read it.
//
// In go an environment and functions that read. Out comes the environment with the text
// in the place of each reference:
//
//	CLEARHOP_PRIVACY_KEY=@arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf
//	CLEARHOP_TRUSTED=10.0.0.0/8,@s3://bucket/cdn.txt
//
// An object has one network on a line, or several with commas between them. What follows
// a "#" is a comment.
//
// A Reader is safe for concurrent use if its functions are.
package stored

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"clearhop/aws/object"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// MaxObject is the size of the largest object that is read, in bytes. That is room for
// some 15,000 networks.
const MaxObject = 256 << 10

// timeout bounds all reading. Lambda gives a function 10 seconds to start.
const timeout = 5 * time.Second

// secretVariable is the setting that may stand in a secret.
const secretVariable = "CLEARHOP_PRIVACY_KEY" //nolint:gosec // the name of a variable

// listVariables are the settings whose items may stand in an object.
var listVariables = []string{"CLEARHOP_NLB", "CLEARHOP_TRUSTED", "CLEARHOP_INTERNAL"}

// An Error says which setting cannot be read from where it stands. It never holds what
// was read.
type Error struct {
	Variable string // CLEARHOP_PRIVACY_KEY
	Place    string // the secret's ARN, or the object's URL
	err      error
}

// Error returns the setting, the place and the cause.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s cannot be read: %v", e.Variable, e.Place, e.err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// A Reader reads from AWS. Its functions are called only if a setting asks for it.
type Reader struct {
	Secret func(ctx context.Context, arn string) (string, error)
	Object func(ctx context.Context, url string) ([]byte, error)
}

// Lazy returns a Reader that loads AWS's configuration when it is first used.
func Lazy() Reader {
	client := sync.OnceValues(func() (*secretsmanager.Client, error) {
		c, err := config.LoadDefaultConfig(context.Background())
		return secretsmanager.NewFromConfig(c), err
	})
	get := object.Lazy()
	return Reader{
		Secret: func(ctx context.Context, arn string) (string, error) {
			c, err := client()
			if err != nil {
				return "", err
			}
			out, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
			if err != nil {
				return "", err
			}
			if out.SecretString == nil {
				return string(out.SecretBinary), nil
			}
			return aws.ToString(out.SecretString), nil
		},
		Object: func(ctx context.Context, url string) ([]byte, error) {
			bucket, key, ok := object.SplitURL(url)
			if !ok || key == "" {
				return nil, errors.New("write s3://BUCKET/KEY")
			}
			out, err := get(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(io.LimitReader(out.Body, MaxObject+1))
			if err := errors.Join(err, out.Body.Close()); err != nil {
				return nil, err
			}
			if len(text) > MaxObject {
				return nil, &object.SizeError{Size: aws.ToInt64(out.ContentLength), Max: MaxObject}
			}
			return text, nil
		},
	}
}

// Fill returns environ, which is as os.Environ returns it, with what the references name.
// The error joins an *Error for each setting that cannot be read; that setting is left
// out. environ is not changed.
func (r Reader) Fill(ctx context.Context, environ []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	filled := make([]string, 0, len(environ))
	var errs []error
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		text, err := value, error(nil)
		switch {
		case name == secretVariable && isSecret(value):
			text, err = r.secret(ctx, value[1:])
		case slices.Contains(listVariables, name) && strings.Contains(value, reference):
			text, err = r.list(ctx, name, value)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		filled = append(filled, name+"="+text)
	}
	return filled, errors.Join(errs...)
}

// reference begins an item that stands for an object.
const reference = "@" + object.Scheme

// isSecret reports whether a value is a reference to a secret. Another value after an "@"
// is the name of a file.
func isSecret(value string) bool {
	return strings.HasPrefix(value, "@arn:") && strings.Contains(value, ":secretsmanager:")
}

// secret reads the secret of an ARN. The line end of a text that somebody has pasted is
// not part of it.
func (r Reader) secret(ctx context.Context, arn string) (string, error) {
	text, err := r.Secret(ctx, arn)
	if text = strings.TrimRight(text, "\r\n"); err == nil && text == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", &Error{Variable: secretVariable, Place: arn, err: err}
	}
	return text, nil
}

// list puts the items of objects in the place of their references.
func (r Reader) list(ctx context.Context, name, value string) (string, error) {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		url, isReference := strings.CutPrefix(strings.TrimSpace(item), "@")
		if !isReference || !strings.HasPrefix(url, object.Scheme) {
			items = append(items, item)
			continue
		}
		text, err := r.Object(ctx, url)
		if err != nil {
			return "", &Error{Variable: name, Place: url, err: err}
		}
		found := parse(string(text))
		if len(found) == 0 { // an empty list would quietly trust nobody
			return "", &Error{Variable: name, Place: url, err: errors.New("it holds no network")}
		}
		items = append(items, found...)
	}
	return strings.Join(items, ","), nil
}

// parse returns the items of an object's text.
func parse(text string) []string {
	var items []string
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line, _, _ = strings.Cut(line, "#")
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}
