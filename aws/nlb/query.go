package nlb

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
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A service is an API of AWS that takes a form and answers in XML. AWS calls this
// a query API.
type service struct {
	id      string // the SDK's name of it, in errors and in the settings of endpoints
	name    string // its name in host names, permissions and signatures
	version string // of the API
}

var (
	ec2API = service{id: "EC2", name: "ec2", version: "2016-11-15"}
	elbAPI = service{id: "Elastic Load Balancing v2", name: "elasticloadbalancing", version: "2015-12-01"}
)

// maxAnswer is how many bytes of an answer are read. A page of 1,000 network
// interfaces has about 3 MB.
const maxAnswer = 16 << 20

// A client asks one service. It is safe for concurrent use.
//
// It takes the place of the SDK's clients of two services, because the client of
// EC2 takes two minutes to compile. It writes the request and reads the answer.
// All else comes from the SDK: configuration, credentials, signature, retries and
// the correction of the clock.
type client struct {
	service  service
	endpoint *url.URL
	options  sts.Options  // see newClient
	skew     atomic.Int64 // how far AWS's clock is ahead of this machine's, as a time.Duration
}

// newClient reads the usual configuration of AWS's tools.
func newClient(ctx context.Context, s service) (*client, error) {
	c, err := account.Load(ctx)
	if err != nil {
		return nil, err
	}
	// The SDK turns a configuration into the options of a client (transport,
	// retries, FIPS, dual-stack) in each client's package only. The package of
	// STS is part of every program that reads the configuration.
	options := sts.NewFromConfig(c).Options()
	endpoint, err := s.endpoint(ctx, &c, &options)
	if err != nil {
		return nil, fmt.Errorf("aws configuration: %w", err)
	}
	return &client{service: s, endpoint: endpoint, options: options}, nil
}

// ask calls an action of the service and decodes what it answers into answer, a
// pointer for encoding/xml. A request that was throttled or that failed on the
// way is sent again, as often as the configuration of AWS says. ctx bounds all of
// it.
//
// The error is a *account.CredentialsError, or a *smithy.OperationError. That wraps a
// *ServiceError if the service answered with an error, and an
// *account.UnreachableError if it did not answer.
func (c *client) ask(ctx context.Context, action string, parameters url.Values, answer any) error {
	form := url.Values{"Action": {action}, "Version": {c.service.version}}
	maps.Copy(form, parameters)
	body := form.Encode()
	request, err := c.newRequest(body)
	if err != nil {
		return c.failed(action, err)
	}
	hash := sha256.Sum256([]byte(body))
	one := attempt{client: c, permission: c.service.name + ":" + action, hash: hex.EncodeToString(hash[:]), answer: answer}
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
func (c *client) failed(action string, err error) error {
	if missing, ok := errors.AsType[*account.CredentialsError](err); ok {
		return missing
	}
	if far := account.Unreachable(err); far != nil {
		err = far
	}
	return &smithy.OperationError{ServiceID: c.service.id, OperationName: action, Err: err}
}

// newRequest makes a request that is not signed yet.
func (c *client) newRequest(body string) (*smithyhttp.Request, error) {
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
	client     *client
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
	return options.HTTPSignerV4.SignHTTP(ctx, credentials, request, a.hash, a.client.service.name, options.Region, now)
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

// pages calls an action for one page after the other and yields each. The
// parameter named token asks for the next page. An error is the last thing that
// it yields.
func pages[P interface{ next() string }](ctx context.Context, c *client, action, token string, parameters url.Values) iter.Seq2[*P, error] {
	return func(yield func(*P, error) bool) {
		parameters := maps.Clone(parameters)
		for {
			page := new(P)
			if err := c.ask(ctx, action, parameters, page); err != nil {
				yield(nil, err)
				return
			}
			next := (*page).next() // empty after the last page
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
