package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"clearhop/aws/subscription"
	"clearhop/internal/mototest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// keepInput returns a call that only keeps its input.
func keepInput(asked **cloudwatchlogs.PutSubscriptionFilterInput) subscription.Call[cloudwatchlogs.PutSubscriptionFilterInput, cloudwatchlogs.PutSubscriptionFilterOutput] {
	return func(_ context.Context, in *cloudwatchlogs.PutSubscriptionFilterInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutSubscriptionFilterOutput, error) {
		*asked = in
		return &cloudwatchlogs.PutSubscriptionFilterOutput{}, nil
	}
}

// names lists what was found, or the error.
func names(groups []subscription.Group, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var all []string
	for _, g := range groups {
		all = append(all, g.Name)
	}
	return strings.Join(all, " ")
}

// TestFind: moto's pages hold 50 log groups.
func TestFind(t *testing.T) {
	endpoint := mototest.Start(t)
	client := cloudwatchlogs.New(cloudwatchlogs.Options{
		BaseEndpoint: &endpoint, Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	logs := subscription.Logs{DescribeLogGroups: client.DescribeLogGroups, DescribeSubscriptionFilters: client.DescribeSubscriptionFilters}
	var many []string
	for i := range 120 {
		many = append(many, fmt.Sprintf("/ecs/%03d", i))
	}
	for _, name := range append([]string{"/ecs", "/Ecs/a", "/eks/a", "/eks/ab"}, many...) {
		if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	f := func(name string, prefix bool, want string) {
		t.Helper()
		if got := names(logs.Find(t.Context(), name, prefix)); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	f("/ecs/", true, strings.Join(many, " "))
	f("/ecs", true, "/ecs "+strings.Join(many, " "))
	f("/ecs", false, "/ecs")
	f("/eks/a", true, "/eks/a /eks/ab")
	f("/eks/a", false, "/eks/a")
	f("/eks/", false, `error: there is no log group "/eks/"`)
	f("/gke/", true, `error: no log group has a name that begins with "/gke/"`)
	f("", true, `error: "" is not a log group name: use letters, digits and - _ . / #, 1 to 512 characters`)

	_, err := logs.Find(t.Context(), "/eks/", false)
	var none *subscription.NotFoundError
	if !errors.As(err, &none) || *none != (subscription.NotFoundError{Name: "/eks/"}) {
		t.Errorf("got %v", err)
	}
	groups, err := logs.Find(t.Context(), "/eks/a", false)
	if err != nil || len(groups) != 1 || groups[0].Account != account || groups[0].ByPrefix {
		t.Fatalf("got %+v, %v", groups, err)
	}
	if err := logs.LookUpFilters(t.Context(), &groups[0]); err != nil || len(groups[0].Filters) != 0 {
		t.Errorf("got %+v, %v", groups[0].Filters, err)
	}
	gone := subscription.Group{Name: "/gone", Filters: []types.SubscriptionFilter{has("a", stream, "", role)}}
	err = logs.LookUpFilters(t.Context(), &gone)
	if err == nil || err.Error() != "describe subscription filters: ResourceNotFoundException: The specified log group does not exist." || len(gone.Filters) != 1 {
		t.Errorf("got %v, %v", err, gone.Filters)
	}
}

// TestPages: answers that moto never gives.
func TestPages(t *testing.T) {
	page := func(next string, class types.LogGroupClass, names ...string) *cloudwatchlogs.DescribeLogGroupsOutput {
		out := &cloudwatchlogs.DescribeLogGroupsOutput{}
		if next != "" {
			out.NextToken = &next
		}
		for _, name := range names {
			out.LogGroups = append(out.LogGroups, types.LogGroup{
				LogGroupName: &name, LogGroupClass: class, Arn: aws.String("arn:aws:logs:eu-central-1:" + account + ":log-group:" + name + ":*"),
			})
		}
		return out
	}
	for what, c := range map[string]struct {
		pages []*cloudwatchlogs.DescribeLogGroupsOutput
		want  string
	}{
		"an empty one between": {[]*cloudwatchlogs.DescribeLogGroupsOutput{page("a", "", "/ecs/a"), page("b", ""), page("", "", "/ecs/b")}, "/ecs/a /ecs/b"},
		"without end":          {[]*cloudwatchlogs.DescribeLogGroupsOutput{page("a", "", "/ecs/a"), page("a", "", "/ecs/b")}, "error: describe log groups: the answer's next page is the one just read"},
		"others' names":        {[]*cloudwatchlogs.DescribeLogGroupsOutput{page("", "", "/eks/a", "/ecs/a")}, "/ecs/a"},
		"broken off":           {[]*cloudwatchlogs.DescribeLogGroupsOutput{page("a", "", "/ecs/a")}, "error: describe log groups: no more pages"},
		"no ARN":               {[]*cloudwatchlogs.DescribeLogGroupsOutput{{LogGroups: []types.LogGroup{{LogGroupName: aws.String("/ecs/a")}}}}, "error: describe log groups: AWS returned no valid ARN for /ecs/a"},
	} {
		asked := 0
		logs := subscription.Logs{DescribeLogGroups: func(_ context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
			if asked++; asked > len(c.pages) {
				return nil, errors.New("no more pages")
			}
			if asked > 1 && aws.ToString(in.NextToken) != aws.ToString(c.pages[asked-2].NextToken) {
				t.Errorf("%s: page %d was asked for with another token", what, asked)
			}
			return c.pages[asked-1], nil
		}}
		if got := names(logs.Find(t.Context(), "/ecs/", true)); got != c.want {
			t.Errorf("%s: %s\nwant %s", what, got, c.want)
		}
	}

	logs := subscription.Logs{DescribeLogGroups: func(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
		return page("", types.LogGroupClassInfrequentAccess, "/ecs/a"), nil
	}}
	if groups, err := logs.Find(t.Context(), "/ecs/", true); err != nil || groups[0].Class != types.LogGroupClassInfrequentAccess || !groups[0].ByPrefix {
		t.Errorf("got %+v, %v", groups, err)
	}
}
