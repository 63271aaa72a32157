package nlb_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clearhop/aws/nlb"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

// An answer is what a stand-in for a service of AWS answers once.
type answer struct {
	status int // 0 means 200
	text   string
	header http.Header
}

// recorded is an answer from testdata. The files there were written after the
// examples of AWS's API references.
func recorded(t *testing.T, status int, name string) answer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: status, text: string(text)}
}

// A standIn gives one answer after the other and keeps what it was asked.
type standIn struct {
	answers []answer

	mu       sync.Mutex
	forms    []url.Values
	requests []*http.Request
	bodies   []string
}

// startService starts a stand-in and makes AWS's usual configuration that of it.
func startService(t *testing.T, answers ...answer) *standIn {
	t.Helper()
	s := &standIn{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	useMoto(t, server.URL)
	return s
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	s.requests, s.bodies, s.forms = append(s.requests, r), append(s.bodies, string(body)), append(s.forms, form)
	if len(s.forms) > len(s.answers) {
		http.Error(w, "one request too many", http.StatusTeapot)
		return
	}
	a := s.answers[len(s.forms)-1]
	for key, values := range a.header {
		w.Header()[key] = values
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.text)
}

func (s *standIn) asked() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.forms)
}

// scope is what the last request's signature is for: region, service, version.
func (s *standIn) scope() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, scope, _ := strings.Cut(s.requests[len(s.requests)-1].Header.Get("Authorization"), "Credential=test/")
	_, scope, _ = strings.Cut(scope, "/") // the day
	scope, _, _ = strings.Cut(scope, ",")
	return scope
}

func checkForms(t *testing.T, s *standIn, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.bodies, want) {
		t.Errorf("it was asked\n%s\nwant\n%s", strings.Join(s.bodies, "\n"), strings.Join(want, "\n"))
	}
}

// failure is the error of a search for the nodes of all NLBs.
func failure(t *testing.T) error {
	t.Helper()
	nodes, err := finder(t, nlb.Config{}).Find(t.Context())
	if err == nil || nodes != nil {
		t.Fatalf("got %s, %v, want an error", show(nodes), err)
	}
	return err
}

// TestRecordedInterfaces: what EC2 answers is read, and it is asked as its
// reference says.
func TestRecordedInterfaces(t *testing.T) {
	s := startService(t,
		recorded(t, http.StatusOK, "interfaces-1"), recorded(t, http.StatusOK, "interfaces-2"), recorded(t, http.StatusOK, "interfaces-3"))
	nodes, err := finder(t, nlb.Config{Names: []string{"shop-edge", "pay"}}).Find(t.Context())
	const want = "10.16.1.11=shop-edge 10.16.1.31=pay 10.16.2.12=shop-edge 10.16.2.13=shop-edge 2001:db8:16:1::11=shop-edge"
	if got := show(nodes); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	const (
		begin = "Action=DescribeNetworkInterfaces&Filter.1.Name=description&Filter.1.Value.1=ELB+net%2Fpay%2F%2A&Filter.1.Value.2=ELB+net%2Fshop-edge%2F%2A&MaxResults=1000"
		end   = "&Version=2016-11-15"
	)
	checkForms(t, s, begin+end, begin+"&NextToken=eyJ2IjoiMiIsImMiOiJhMSJ9"+end, begin+"&NextToken=eyJ2IjoiMiIsImMiOiJhMiJ9"+end)
	if scope := s.scope(); scope != region+"/ec2/aws4_request" {
		t.Errorf("the request is signed for %s", scope)
	}
}

// TestNoInterface: an answer without an interface is no failure of the service.
func TestNoInterface(t *testing.T) {
	startService(t, recorded(t, http.StatusOK, "interfaces-none"))
	if err, ok := errors.AsType[*nlb.NotFoundError](failure(t)); !ok || err.Error() != `no network interface is described as "ELB net/*/*"` {
		t.Errorf("got %v", err)
	}
}

// TestSignature: the signature is that of the request as it arrives.
func TestSignature(t *testing.T) {
	s := startService(t, recorded(t, http.StatusOK, "interfaces-3"))
	t.Setenv("AWS_SESSION_TOKEN", "token")
	if _, err := finder(t, nlb.Config{}).Find(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.requests[0]
	if got.Method != http.MethodPost || got.URL.String() != "/" || got.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || got.UserAgent() != "clearhop" {
		t.Errorf("the request is %s %s with %v", got.Method, got.URL, got.Header)
	}
	at, err := time.Parse("20060102T150405Z", got.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := http.NewRequest(http.MethodPost, "http://"+got.Host+"/", strings.NewReader(s.bodies[0]))
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("Content-Type", got.Header.Get("Content-Type"))
	if attempt := got.Header.Get("Amz-Sdk-Request"); attempt != "" {
		again.Header.Set("Amz-Sdk-Request", attempt)
	}
	credentials := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test", SessionToken: "token"}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, again, hash(s.bodies[0]), "ec2", region, at); err != nil {
		t.Fatal(err)
	}
	if got, want := got.Header.Get("Authorization"), again.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// hash is the SHA-256 of a text, in hexadecimal digits.
func hash(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// TestRetries: what passes is tried again, as often as the configuration says.
func TestRetries(t *testing.T) {
	throttled := recorded(t, http.StatusServiceUnavailable, "error-throttled")
	good := recorded(t, http.StatusOK, "interfaces-3")
	for name, first := range map[string]answer{
		"throttled":   throttled,
		"unavailable": recorded(t, http.StatusServiceUnavailable, "error-unavailable"),
		"a proxy":     {status: http.StatusBadGateway, text: "<html><body>Bad Gateway</body></html>"},
	} {
		s := startService(t, first, good)
		nodes, err := finder(t, nlb.Config{Names: []string{"pay"}}).Find(t.Context())
		if err != nil || show(nodes) != "10.16.1.31=pay" || len(s.asked()) != 2 {
			t.Errorf("%s: got %s, %v after %d requests", name, show(nodes), err, len(s.asked()))
		}
		checkForms(t, s, s.bodies[0], s.bodies[0])
	}
	s := startService(t, throttled, throttled, good)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	const want = "operation error EC2: DescribeNetworkInterfaces, exceeded maximum number of attempts, 2, " +
		"AWS throttles the requests of this account (RequestLimitExceeded, request 59dbff89-35bd-4eac-99ed-be587EXAMPLE)"
	if err := failure(t); err.Error() != want || len(s.asked()) != 2 {
		t.Errorf("after %d requests: got %v, want %s", len(s.asked()), err, want)
	}
}

// TestRefused: what no second try mends is said at once, and how to fix it.
func TestRefused(t *testing.T) {
	f := func(status int, name, code, want string) {
		t.Helper()
		s := startService(t, recorded(t, status, name))
		err := failure(t)
		var operation *smithy.OperationError
		var service *nlb.ServiceError
		var api smithy.APIError
		if !errors.As(err, &operation) || !errors.As(err, &service) || !errors.As(err, &api) {
			t.Fatalf("%s: the error is %#v", name, err)
		}
		if operation.OperationName != "DescribeNetworkInterfaces" || service.Code != code || service.Status != status ||
			service.RequestID != "59dbff89-35bd-4eac-99ed-be587EXAMPLE" || api.ErrorCode() != code || api.ErrorMessage() == "" || len(s.asked()) != 1 {
			t.Errorf("%s: %+v after %d requests", name, service, len(s.asked()))
		}
		if got := service.Error(); got != want+" ("+code+", request 59dbff89-35bd-4eac-99ed-be587EXAMPLE)" {
			t.Errorf("%s: got %s", name, got)
		}
	}
	f(http.StatusForbidden, "error-unauthorized", "UnauthorizedOperation", "the credentials do not have the permission ec2:DescribeNetworkInterfaces")
	f(http.StatusUnauthorized, "error-credentials", "AuthFailure", "AWS does not accept the credentials")
	f(http.StatusBadRequest, "error-parameter", "InvalidParameterValue", `"Value (x) for parameter MaxResults is invalid. Expecting a value greater than 5."`)
}

// TestServiceErrors: each cause that an operator can fix is said in words.
func TestServiceErrors(t *testing.T) {
	for code, want := range map[string]string{
		"AccessDeniedException": "the credentials do not have the permission ec2:DescribeNetworkInterfaces (AccessDeniedException)",
		"ThrottlingException":   "AWS throttles the requests of this account (ThrottlingException)",
		"ExpiredToken":          "the credentials have expired (ExpiredToken)",
		"InvalidClientTokenId":  "AWS does not accept the credentials (InvalidClientTokenId)",
		"SignatureDoesNotMatch": "the secret access key does not belong to the access key, or the clock of this machine is wrong (SignatureDoesNotMatch)",
		"RequestExpired":        "the clock of this machine is wrong, or the credentials have expired (RequestExpired)",
		"OptInRequired":         "the account does not use this service or region (OptInRequired)",
		"InternalError":         `"words" (InternalError)`,
		"":                      "the answer is HTTP status 500 without an error code of AWS",
	} {
		e := &nlb.ServiceError{Permission: "ec2:DescribeNetworkInterfaces", Status: http.StatusInternalServerError, Code: code, Message: "words"}
		if got := e.Error(); got != want {
			t.Errorf("%q: got %s, want %s", code, got, want)
		}
		if e.ErrorFault() != smithy.FaultServer {
			t.Errorf("%q: the fault is %v", code, e.ErrorFault())
		}
	}
	if e := (&nlb.ServiceError{Status: http.StatusForbidden}); e.ErrorFault() != smithy.FaultClient {
		t.Errorf("the fault of status 403 is %v", e.ErrorFault())
	}
	long := strings.Repeat("ü", 300)
	startService(t, answer{status: http.StatusBadRequest, text: "<Response><Errors><Error><Code>C</Code><Message>" + long + "</Message></Error></Errors></Response>"})
	if err, _ := errors.AsType[*nlb.ServiceError](failure(t)); err.Message != long[:200] {
		t.Errorf("a message of %d bytes is kept", len(err.Message))
	}
}

// TestBadAnswers: what is no whole answer of the service is an error, not an
// empty set.
func TestBadAnswers(t *testing.T) {
	whole := recorded(t, http.StatusOK, "interfaces-3")
	cut := whole
	cut.header = http.Header{"Content-Length": {fmt.Sprint(len(whole.text))}}
	cut.text = whole.text[:len(whole.text)/2]
	long := whole
	long.text = whole.text + strings.Repeat(" ", 16<<20)
	for name, c := range map[string]struct {
		answer answer
		want   string
	}{
		"truncated":       {recorded(t, http.StatusOK, "interfaces-truncated"), "the answer cannot be read as XML: XML syntax error on line"},
		"connection cut":  {cut, "read the answer: unexpected EOF"},
		"empty":           {answer{}, "the answer cannot be read as XML: EOF"},
		"a login page":    {answer{text: "<html><body>Please log in</body></html>"}, "the answer cannot be read as XML: expected element type <DescribeNetworkInterfacesResponse> but have <html>"},
		"too long":        {long, "the answer is longer than 16 MiB"},
		"another service": {answer{text: `{"message":"not here"}`}, "the answer cannot be read as XML: EOF"},
	} {
		startService(t, c.answer)
		if err := failure(t); !strings.HasPrefix(err.Error(), "operation error EC2: DescribeNetworkInterfaces, "+c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestClock: a clock that is wrong is corrected by the one of AWS, as the SDK's
// clients do, unless the configuration says otherwise.
func TestClock(t *testing.T) {
	const ahead = time.Hour
	refused := recorded(t, http.StatusUnauthorized, "error-credentials")
	date := http.Header{"Date": {time.Now().Add(ahead).UTC().Format(http.TimeFormat)}}
	refused.header = date
	good := recorded(t, http.StatusOK, "interfaces-3")
	good.header = date
	s := startService(t, refused, good, good)
	f := finder(t, nlb.Config{Names: []string{"pay"}})
	for range 2 {
		if _, err := f.Find(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []time.Duration{0, ahead, ahead} {
		at, err := time.Parse("20060102T150405Z", s.requests[i].Header.Get("X-Amz-Date"))
		if off := time.Until(at) - want; err != nil || off.Abs() > time.Minute {
			t.Errorf("request %d is signed %v off its time, %v", i, off, err)
		}
	}
	startService(t, refused, good)
	t.Setenv("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "true")
	if err, ok := errors.AsType[*nlb.ServiceError](failure(t)); !ok || err.Code != "AuthFailure" {
		t.Errorf("without correction: %v", err)
	}
}

// TestFindIsBounded: a service that does not answer keeps nobody longer than ctx.
func TestFindIsBounded(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	useMoto(t, server.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := finder(t, nlb.Config{}).Find(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
