package mototest

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A Bucket is a bucket in moto's S3.
type Bucket struct {
	t      testing.TB
	client *s3.Client
	name   string
}

// NewBucket makes a bucket.
func NewBucket(t testing.TB, endpoint, region, name string) *Bucket {
	t.Helper()
	client := newS3(endpoint, region)
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}})
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	return &Bucket{t: t, client: client, name: name}
}

// Put puts an object.
func (b *Bucket) Put(key string, content []byte) {
	b.t.Helper()
	_, err := b.client.PutObject(b.t.Context(), &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(content)})
	if err != nil {
		b.t.Fatalf("moto: %v", err)
	}
}

// Get gets an object with its metadata.
func (b *Bucket) Get(key string) (content []byte, metadata map[string]string) {
	b.t.Helper()
	out, err := b.client.GetObject(b.t.Context(), &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		b.t.Fatalf("moto: %v", err)
	}
	content, err = io.ReadAll(out.Body)
	if err != nil {
		b.t.Fatalf("moto: %v", err)
	}
	return content, out.Metadata
}

// Keys lists the objects, in order.
func (b *Bucket) Keys() []string {
	b.t.Helper()
	out, err := b.client.ListObjectsV2(b.t.Context(), &s3.ListObjectsV2Input{Bucket: &b.name})
	if err != nil {
		b.t.Fatalf("moto: %v", err)
	}
	var keys []string
	for i := range out.Contents {
		keys = append(keys, *out.Contents[i].Key)
	}
	return keys
}

// OpenBucket opens a bucket that is there, as one that a stack made.
func OpenBucket(t testing.TB, endpoint, region, name string) *Bucket {
	t.Helper()
	return &Bucket{t: t, name: name, client: newS3(endpoint, region)}
}

func newS3(endpoint, region string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}
