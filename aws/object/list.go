package object

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// List is the method ListObjectsV2 of an *s3.Client, or the result of LazyList. As Get it
// comes from the caller.
type List func(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)

// An Entry is an object in a list.
type Entry struct {
	Key  string
	Size int64 // bytes
}

// Page returns up to 1,000 objects whose keys begin with a prefix and come behind a key,
// in the order of their keys. It needs the permission s3:ListBucket. There are no more
// objects if the page is empty.
func (l List) Page(ctx context.Context, bucket, prefix, behind string) ([]Entry, error) {
	in := &s3.ListObjectsV2Input{Bucket: &bucket}
	if prefix != "" {
		in.Prefix = &prefix
	}
	if behind != "" {
		in.StartAfter = &behind
	}
	out, err := l(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("list s3://%s/%s: %w", bucket, prefix, err)
	}
	var page []Entry
	for i := range out.Contents {
		o := &out.Contents[i]
		page = append(page, Entry{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size)})
	}
	return page, nil
}

// LazyList is as Lazy, for List.
func LazyList() List {
	client := lazyClient()
	return func(ctx context.Context, in *s3.ListObjectsV2Input, with ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
		c, err := client(ctx)
		if err != nil {
			return nil, err
		}
		return c.ListObjectsV2(ctx, in, with...)
	}
}
