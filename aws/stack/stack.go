// Package stack asks CloudFormation what a stack is made of.
//
//	c, err := stack.Connect(ctx, "")
//	s, err := c.Describe(ctx, "clearhop")
//	fmt.Println(s.Outputs["EventBucketName"])
//
// In goes the name of a stack. Out come its state, parameters and outputs. It needs the
// permission cloudformation:DescribeStacks. A Client is safe for concurrent use.
package stack

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"clearhop/aws/query"

	"github.com/aws/aws-sdk-go-v2/config"
)

// A Stack is what CloudFormation says of a stack.
type Stack struct {
	Name string
	// Status is CloudFormation's word, such as UPDATE_COMPLETE.
	Status     string
	Parameters map[string]string
	Outputs    map[string]string
}

// A NotFoundError says that the account has no stack of the name in the region.
type NotFoundError struct{ Name string }

// Error names the stack.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no stack %q in this account and region", e.Name)
}

// A Client asks CloudFormation.
type Client struct{ query *query.Client }

// Connect reads the usual configuration of AWS's tools. An empty region means the
// configured one. The errors are those of package account.
func Connect(ctx context.Context, region string) (*Client, error) {
	c, err := query.New(ctx, query.Service{ID: "CloudFormation", Name: "cloudformation", Version: "2010-05-15"}, config.WithRegion(region))
	if err != nil {
		return nil, err
	}
	return &Client{c}, nil
}

// described is the answer of DescribeStacks.
type described struct {
	XMLName xml.Name `xml:"DescribeStacksResponse"`
	Stacks  []struct {
		Name       string `xml:"StackName"`
		Status     string `xml:"StackStatus"`
		Parameters []struct {
			Key   string `xml:"ParameterKey"`
			Value string `xml:"ParameterValue"`
		} `xml:"Parameters>member"`
		Outputs []struct {
			Key   string `xml:"OutputKey"`
			Value string `xml:"OutputValue"`
		} `xml:"Outputs>member"`
	} `xml:"DescribeStacksResult>Stacks>member"`
}

// Describe asks for one stack. An error is a *NotFoundError, or one of query.Client.Ask.
func (c *Client) Describe(ctx context.Context, name string) (Stack, error) {
	var answer described
	err := c.query.Ask(ctx, "DescribeStacks", url.Values{"StackName": {name}}, &answer)
	if refused, ok := errors.AsType[*query.ServiceError](err); ok && refused.Code == "ValidationError" && strings.Contains(refused.Message, "does not exist") {
		return Stack{}, &NotFoundError{Name: name}
	}
	if err != nil {
		return Stack{}, err
	}
	if len(answer.Stacks) != 1 {
		return Stack{}, &NotFoundError{Name: name}
	}
	from := &answer.Stacks[0]
	s := Stack{Name: from.Name, Status: from.Status, Parameters: map[string]string{}, Outputs: map[string]string{}}
	for _, p := range from.Parameters {
		s.Parameters[p.Key] = p.Value
	}
	for _, o := range from.Outputs {
		s.Outputs[o.Key] = o.Value
	}
	return s, nil
}
