package s3_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/gzip"

	"clearhop/internal/deadlettertest"
	"clearhop/internal/mototest"
	"clearhop/sink/deadletter"
	"clearhop/sink/s3"
)

// TestDeadLetters: letters of every kind come back from an object.
func TestDeadLetters(t *testing.T) {
	endpoint := mototest.Start(t)
	client := awss3.New(awss3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	bucket := aws.String("dead-letters")
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	s, err := s3.New(s3.Config{Client: client, Bucket: *bucket, Prefix: "dead-letters/"})
	if err != nil {
		t.Fatal(err)
	}
	deadlettertest.Put(t, s)
	objects, err := client.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(objects.Contents) != 1 || !strings.HasPrefix(*objects.Contents[0].Key, "dead-letters/dt=2026-11-22/hour=11/") {
		t.Fatalf("objects %v", objects.Contents)
	}
	object, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: objects.Contents[0].Key})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	lines, err := gzip.NewReader(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	deadlettertest.Check(t, deadlettertest.Read(t, new(deadletter.Reader), lines), deadlettertest.Letters())
}
