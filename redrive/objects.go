package redrive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Bucket are the calls of S3 that Objects makes. A *s3.Client has them.
type Bucket interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	CopyObject(context.Context, *s3.CopyObjectInput, ...func(*s3.Options)) (*s3.CopyObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// moved is the folder that objects are moved to. It is below the first folder of their key,
// so that the rules for what lies there, such as when it expires, still hold.
const moved = "redriven/"

// MovedTo returns the key that an object is moved to: letters/redriven/x for letters/x.
func MovedTo(key string) string {
	first, rest, found := strings.Cut(key, "/")
	if !found {
		return moved + key
	}
	return first + "/" + moved + rest
}

// isMoved reports whether an object was moved.
func isMoved(key string) bool {
	first, rest, _ := strings.Cut(key, "/")
	return strings.HasPrefix(rest, moved) || first+"/" == moved
}

// Objects returns the objects below a prefix, in the order of their keys. Settled ones are
// moved to MovedTo. It needs the permissions s3:ListBucket, GetObject, PutObject and
// DeleteObject.
func Objects(calls Bucket, bucket, prefix string) Source {
	return &objects{calls: calls, bucket: bucket, prefix: prefix}
}

type objects struct {
	calls          Bucket
	bucket, prefix string
	keys           []string // of the page in hand
	behind         string   // the last key of it
	ended          bool
}

// Next implements Source.
func (o *objects) Next(ctx context.Context) (*Unit, error) {
	for {
		if len(o.keys) == 0 {
			if err := o.page(ctx); err != nil {
				return nil, err
			}
		}
		key := o.keys[0]
		o.keys = o.keys[1:]
		u, err := o.get(ctx, key)
		if u != nil || err != nil {
			return u, err
		}
	}
}

// Count implements Counter. It lists the objects, and needs no further permission.
func (o *objects) Count(ctx context.Context) (int, error) {
	list := &objects{calls: o.calls, bucket: o.bucket, prefix: o.prefix}
	for n := 0; ; n += len(list.keys) {
		list.keys = nil
		if err := list.page(ctx); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// page lists the next objects.
func (o *objects) page(ctx context.Context) error {
	for len(o.keys) == 0 {
		if o.ended {
			return io.EOF
		}
		in := &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: &o.prefix}
		if o.behind != "" {
			in.StartAfter = &o.behind
		}
		out, err := o.calls.ListObjectsV2(ctx, in)
		if err != nil {
			return fmt.Errorf("list s3://%s/%s: %w", o.bucket, o.prefix, err)
		}
		o.ended = !aws.ToBool(out.IsTruncated)
		for i := range out.Contents {
			o.behind = aws.ToString(out.Contents[i].Key)
			if !isMoved(o.behind) && !strings.HasSuffix(o.behind, "/") {
				o.keys = append(o.keys, o.behind)
			}
		}
		if len(out.Contents) == 0 {
			o.ended = true
		}
	}
	return nil
}

// get reads an object. It returns nil if it has gone meanwhile: another redrive moved it.
func (o *objects) get(ctx context.Context, key string) (*Unit, error) {
	name := "s3://" + o.bucket + "/" + key
	out, err := o.calls.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &key})
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	data, err := io.ReadAll(out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return &Unit{Name: name, Data: data, Settle: func(ctx context.Context) error { return o.move(ctx, key) }}, nil
}

func (o *objects) move(ctx context.Context, key string) error {
	_, err := o.calls.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &o.bucket, Key: aws.String(MovedTo(key)), CopySource: aws.String((&url.URL{Path: o.bucket + "/" + key}).EscapedPath()),
	})
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if _, err = o.calls.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: &key}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}
