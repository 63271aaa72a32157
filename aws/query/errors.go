package query

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// A ServiceError is an error that a service answered with. It is a smithy.APIError, like the errors of the SDK's clients.
type ServiceError struct {
	Permission string // the one that the request needs, such as ec2:DescribeNetworkInterfaces
	Status     int    // of HTTP
	Code       string // such as UnauthorizedOperation; empty if the answer had none
	Message    string // as AWS wrote it, 200 bytes at most; it can name the caller
	RequestID  string // for AWS's support; empty if the answer had none
}

var _ smithy.APIError = (*ServiceError)(nil)

// maxMessage is how many bytes of a text in an error answer are kept.
const maxMessage = 200

// newServiceError reads the answer to a request that failed. The answer can be
// that of a proxy in between, which has another form.
func newServiceError(permission string, status int, answer []byte) *ServiceError {
	type cause struct {
		Code    string
		Message string
	}
	var form struct {
		EC2    cause  `xml:"Errors>Error"`
		EC2ID  string `xml:"RequestID"`
		Others cause  `xml:"Error"`
		ID     string `xml:"RequestId"`

		S3Code    string `xml:"Code"`
		S3Message string `xml:"Message"`
	}
	e := &ServiceError{Permission: permission, Status: status}
	if xml.Unmarshal(answer, &form) != nil {
		return e
	}
	if form.EC2.Code == "" {
		form.EC2, form.EC2ID = form.Others, form.ID
	}
	if form.EC2.Code == "" {
		form.EC2 = cause{form.S3Code, form.S3Message}
	}
	e.Code, e.Message, e.RequestID = short(form.EC2.Code), short(form.EC2.Message), short(form.EC2ID)
	return e
}

// short cuts a text off that is too long.
func short(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxMessage)], "")
}

// Error says what to fix: which permission is missing, or what is wrong with the
// credentials. For any other cause it quotes AWS's message, which can name the
// caller.
func (e *ServiceError) Error() string {
	var text string
	switch {
	case e.Code == "":
		return fmt.Sprintf("the answer is HTTP status %d without an error code of AWS", e.Status)
	case e.isThrottled():
		text = "AWS throttles the requests of this account"
	case e.isDenied():
		text = "the credentials do not have the permission " + e.Permission
	default:
		text = e.aboutCredentials()
	}
	text += " (" + e.Code
	if e.RequestID != "" {
		text += ", request " + e.RequestID
	}
	return text + ")"
}

func (e *ServiceError) isThrottled() bool {
	_, throttled := retry.DefaultThrottleErrorCodes[e.Code]
	return throttled
}

func (e *ServiceError) isDenied() bool {
	return e.Code == "UnauthorizedOperation" || e.Code == "AccessDenied" || e.Code == "AccessDeniedException"
}

// aboutCredentials says what is wrong with the credentials. It quotes AWS's
// message if something else is wrong.
func (e *ServiceError) aboutCredentials() string {
	switch e.Code {
	case "ExpiredToken", "ExpiredTokenException":
		return "the credentials have expired"
	case "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken":
		return "AWS does not accept the credentials"
	case "SignatureDoesNotMatch":
		return "the secret access key does not belong to the access key, or the clock of this machine is wrong"
	case "RequestExpired":
		return "the clock of this machine is wrong, or the credentials have expired"
	case "OptInRequired":
		return "the account does not use this service or region"
	}
	return strconv.Quote(e.Message)
}

// ErrorCode returns the code, for smithy.APIError.
func (e *ServiceError) ErrorCode() string { return e.Code }

// ErrorMessage returns AWS's message, for smithy.APIError.
func (e *ServiceError) ErrorMessage() string { return e.Message }

// ErrorFault tells from the status whose fault it was, for smithy.APIError.
func (e *ServiceError) ErrorFault() smithy.ErrorFault {
	if e.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatusCode returns the status, by which the SDK tells whether to try
// again.
func (e *ServiceError) HTTPStatusCode() int { return e.Status }
