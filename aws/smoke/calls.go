package smoke

import (
	"context"
	"encoding/xml"
	"net/url"

	"clearhop/aws/account"
	"clearhop/aws/athena"
	"clearhop/aws/query"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// A LogsCall is a method of a *cloudwatchlogs.Client.
type LogsCall[In, Out any] func(context.Context, *In, ...func(*cloudwatchlogs.Options)) (*Out, error)

// Calls are the calls of AWS that a Smoke makes. It is a struct and not an interface so that
// the linker can leave the clients' other methods out.
type Calls struct {
	DescribeSubscriptionFilters LogsCall[cloudwatchlogs.DescribeSubscriptionFiltersInput, cloudwatchlogs.DescribeSubscriptionFiltersOutput]
	CreateLogStream             LogsCall[cloudwatchlogs.CreateLogStreamInput, cloudwatchlogs.CreateLogStreamOutput]
	PutLogEvents                LogsCall[cloudwatchlogs.PutLogEventsInput, cloudwatchlogs.PutLogEventsOutput]
	FilterLogEvents             LogsCall[cloudwatchlogs.FilterLogEventsInput, cloudwatchlogs.FilterLogEventsOutput]

	// List returns the keys of a bucket that begin with a prefix, at most some thousands.
	List func(ctx context.Context, bucket, prefix string) ([]string, error)
	// Athena asks the table.
	Athena athena.Calls
}

// Connect makes the clients with the usual configuration of AWS's tools. An empty region
// means the configured one. The errors are those of package account.
func Connect(ctx context.Context, region string) (Calls, error) {
	c, err := account.Load(ctx, config.WithRegion(region))
	if err != nil {
		return Calls{}, err
	}
	if _, err := account.Credentials(ctx, c.Credentials); err != nil {
		return Calls{}, err // each call would fail with the same error
	}
	s3, err := query.New(ctx, query.Service{ID: "S3", Name: "s3"}, config.WithRegion(region))
	if err != nil {
		return Calls{}, err
	}
	table, err := athena.Connect(ctx, config.WithRegion(region))
	if err != nil {
		return Calls{}, err
	}
	logs := cloudwatchlogs.NewFromConfig(c)
	return Calls{
		DescribeSubscriptionFilters: logs.DescribeSubscriptionFilters,
		CreateLogStream:             logs.CreateLogStream,
		PutLogEvents:                logs.PutLogEvents,
		FilterLogEvents:             logs.FilterLogEvents,
		List: func(ctx context.Context, bucket, prefix string) ([]string, error) {
			return list(ctx, s3, bucket, prefix)
		},
		Athena: table,
	}, nil
}

// maxPages bounds how much of a bucket is listed: 1,000 keys a page.
const maxPages = 10

// A keysPage is what is read of an answer of ListObjectsV2.
type keysPage struct {
	XMLName xml.Name `xml:"ListBucketResult"`
	Keys    []string `xml:"Contents>Key"`
	More    string   `xml:"NextContinuationToken"`
}

// list lists keys. The call needs the permission s3:ListBucket.
func list(ctx context.Context, s3 *query.Client, bucket, prefix string) ([]string, error) {
	parameters := url.Values{"list-type": {"2"}, "prefix": {prefix}}
	var keys []string
	for range maxPages {
		var page keysPage
		if err := s3.Get(ctx, "ListBucket", "/"+bucket, parameters, &page); err != nil {
			return nil, err
		}
		keys = append(keys, page.Keys...)
		if page.More == "" {
			break
		}
		parameters.Set("continuation-token", page.More)
	}
	return keys, nil
}
