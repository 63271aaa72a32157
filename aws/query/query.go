// Package query asks services of AWS that answer in XML, for the calls that are not worth
// the SDK's client of the service: that of EC2 takes two minutes to compile, and that of S3
// adds 7 MB to a program that calls methods by name.
//
//	c, err := query.New(ctx, query.Service{ID: "EC2", Name: "ec2", Version: "2016-11-15"})
//	var page struct{ Interfaces []string `xml:"networkInterfaceSet>item>networkInterfaceId"` }
//	err = c.Ask(ctx, "DescribeNetworkInterfaces", url.Values{"MaxResults": {"1000"}}, &page)
//
// In goes the form of an action. Out comes its answer, decoded by encoding/xml. The package
// writes the request and reads the answer. All else comes from the SDK: configuration,
// credentials, signature, retries and the correction of the clock.
//
// A Client is safe for concurrent use.
package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"clearhop/aws/account"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A Service is an API of AWS that takes a form and answers in XML. AWS calls this
// a query API.
type Service struct {
	ID      string // the SDK's name of it, in errors and in the settings of endpoints
	Name    string // its name in host names, permissions and signatures
	Version string // of the API; empty for S3
}

// maxAnswer is how many bytes of an answer are read. A page of 1,000 network
// interfaces has about 3 MB.
const maxAnswer = 16 << 20

// A Client asks one service. It is safe for concurrent use.
type Client struct {
	service  Service
	endpoint *url.URL
	options  sts.Options  // see New
	skew     atomic.Int64 // how far AWS's clock is ahead of this machine's, as a time.Duration
}

// New reads the usual configuration of AWS's tools, and options that stand before it. It
// asks nothing.
func New(ctx context.Context, s Service, options ...func(*config.LoadOptions) error) (*Client, error) {
	c, err := account.Load(ctx, options...)
	if err != nil {
		return nil, err
	}
	// The SDK turns a configuration into the options of a client (transport,
	// retries, FIPS, dual-stack) in each client's package only. The package of
	// STS is part of every program that reads the configuration.
	stsOptions := sts.NewFromConfig(c).Options()
	endpoint, err := s.endpoint(ctx, &c, &stsOptions)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	return &Client{service: s, endpoint: endpoint, options: stsOptions}, nil
}

// Ask calls an action of the service and decodes what it answers into answer, a
// pointer for encoding/xml. A request that was throttled or that failed on the
// way is sent again, as often as the configuration of AWS says. ctx bounds all of
// it.
//
// The error is a *account.CredentialsError, or a *smithy.OperationError. That wraps a
// *ServiceError if the service answered with an error, and an
// *account.UnreachableError if it did not answer.
func (c *Client) Ask(ctx context.Context, action string, parameters url.Values, answer any) error {
	form := url.Values{"Action": {action}, "Version": {c.service.Version}}
	maps.Copy(form, parameters)
	body := form.Encode()
	request, err := c.newRequest(body)
	if err != nil {
		return c.failed(action, err)
	}
	return c.send(ctx, action, request, body, answer)
}

// Get asks S3 for what is at a path, such as /BUCKET, with parameters. Errors are those of
// Ask; action names the call in them, and in the permission that is missing.
func (c *Client) Get(ctx context.Context, action, path string, parameters url.Values, answer any) error {
	request := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	request.Method = http.MethodGet
	*request.URL = *c.endpoint
	request.URL.Path = strings.TrimSuffix(request.URL.Path, "/") + path
	request.URL.RawQuery = parameters.Encode()
	request.Header.Set("User-Agent", "clearhop")
	request.Header.Set("X-Amz-Content-Sha256", hashOf("")) // S3 wants it
	return c.send(ctx, action, request, "", answer)
}

// hashOf returns the SHA-256 of a body, in hexadecimal digits.
func hashOf(body string) string {
	hash := sha256.Sum256([]byte(body))
	return hex.EncodeToString(hash[:])
}

// send sends a request until it is answered, and decodes the answer.
func (c *Client) send(ctx context.Context, action string, request *smithyhttp.Request, body string, answer any) error {
	one := attempt{client: c, permission: c.service.Name + ":" + action, hash: hashOf(body), answer: answer}
	all := retry.NewAttemptMiddleware(c.options.Retryer, smithyhttp.RequestCloner, func(a *retry.Attempt) {
		a.ClientSkew = &c.skew
		a.DisableClockSkewCorrection = c.options.DisableClockSkewCorrection
	})
	if _, _, err := all.HandleFinalize(ctx, middleware.FinalizeInput{Request: request}, &one); err != nil {
		return c.failed(action, err)
	}
	return nil
}

// failed returns the error of an action. What is wrong with the credentials is no
// matter of an action, and stays as it is.
func (c *Client) failed(action string, err error) error {
	if missing, ok := errors.AsType[*account.CredentialsError](err); ok {
		return missing
	}
	if far := account.Unreachable(err); far != nil {
		err = far
	}
	return &smithy.OperationError{ServiceID: c.service.ID, OperationName: action, Err: err}
}

// newRequest makes a request that is not signed yet.
func (c *Client) newRequest(body string) (*smithyhttp.Request, error) {
	request := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	request.Method = http.MethodPost
	*request.URL = *c.endpoint
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "clearhop")
	return request.SetStream(onlySeeker{strings.NewReader(body)})
}

// An onlySeeker hides the method WriteTo of a strings.Reader. smithy closes the
// body when the answer begins. If net/http calls WriteTo after that, smithy
// returns io.EOF where net/http expects nil, and net/http ends the connection
// while the answer is still read ("use of closed network connection"). Read has
// no such fault.
type onlySeeker struct{ io.ReadSeeker }

// An attempt signs a request, sends it and reads the answer, once for each try.
type attempt struct {
	client     *Client
	permission string // the one that the request needs
	hash       string // SHA-256 of the request's body, in hexadecimal digits
	answer     any
}

// HandleFinalize makes one try, for retry.Attempt.
func (a *attempt) HandleFinalize(ctx context.Context, in middleware.FinalizeInput) (middleware.FinalizeOutput, middleware.Metadata, error) {
	var none middleware.FinalizeOutput
	request := in.Request.(*smithyhttp.Request)
	if err := a.sign(ctx, request.Request); err != nil {
		return none, middleware.Metadata{}, err
	}
	timing := awsmiddleware.RecordResponseTiming{DisableClockSkewCorrection: a.client.options.DisableClockSkewCorrection}
	sent, metadata, err := timing.HandleDeserialize(ctx, middleware.DeserializeInput{Request: request}, middleware.DeserializeHandlerFunc(a.send))
	if err != nil {
		return none, metadata, err
	}
	if skew, known := awsmiddleware.GetAttemptSkew(metadata); known {
		a.client.skew.Store(int64(skew))
	}
	return none, metadata, a.read(sent.RawResponse.(*smithyhttp.Response))
}

// sign signs a request for the service, at AWS's time.
func (a *attempt) sign(ctx context.Context, request *http.Request) error {
	options := &a.client.options
	credentials, err := account.Credentials(ctx, options.Credentials)
	if err != nil {
		return err
	}
	now := time.Now().Add(time.Duration(a.client.skew.Load()))
	return options.HTTPSignerV4.SignHTTP(ctx, credentials, request, a.hash, a.client.service.Name, options.Region, now)
}

// send sends a request.
func (a *attempt) send(ctx context.Context, in middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
	response, metadata, err := smithyhttp.NewClientHandlerWithOptions(a.client.options.HTTPClient).Handle(ctx, in.Request)
	return middleware.DeserializeOutput{RawResponse: response}, metadata, err
}

// read decodes an answer, or the error that the service answered with.
func (a *attempt) read(response *smithyhttp.Response) error {
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return newServiceError(a.permission, response.StatusCode, text)
	}
	if len(text) > maxAnswer {
		return fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
	}
	if err := xml.Unmarshal(text, a.answer); err != nil {
		return fmt.Errorf("the answer cannot be read as XML: %w", err)
	}
	return nil
}

// Pages calls an action for one page after the other and yields each. The
// parameter named token asks for the next page. An error is the last thing that
// it yields.
func Pages[P interface{ Next() string }](ctx context.Context, c *Client, action, token string, parameters url.Values) iter.Seq2[*P, error] {
	return func(yield func(*P, error) bool) {
		parameters := maps.Clone(parameters)
		for {
			page := new(P)
			if err := c.Ask(ctx, action, parameters, page); err != nil {
				yield(nil, err)
				return
			}
			next := (*page).Next() // empty after the last page
			if !yield(page, nil) || next == "" {
				return
			}
			if next == parameters.Get(token) {
				yield(nil, c.failed(action, errors.New("the answer's next page is the one just read")))
				return
			}
			parameters.Set(token, next)
		}
	}
}
