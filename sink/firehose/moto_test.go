package firehose_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"clearhop/internal/firehosetest"
	"clearhop/internal/mototest"
	"clearhop/sink/firehose"
)

// Moto knows no limits and never fails, but it is not ours: it understands our
// calls as somebody else reads the API, and delivers to S3.
func TestThroughMotoToS3(t *testing.T) {
	endpoint := mototest.Start(t)
	const bucket = "events"
	client := firehosetest.NewClient(endpoint)
	store := s3.New(s3.Options{
		Region:       client.Options().Region,
		BaseEndpoint: &endpoint,
		Credentials:  client.Options().Credentials,
		UsePathStyle: true,
	})
	_, err := store.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String(bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(client.Options().Region),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateDeliveryStream(t.Context(), &awsfirehose.CreateDeliveryStreamInput{
		DeliveryStreamName: aws.String(stream),
		DeliveryStreamType: types.DeliveryStreamTypeDirectPut,
		ExtendedS3DestinationConfiguration: &types.ExtendedS3DestinationConfiguration{
			BucketARN: aws.String("arn:aws:s3:::" + bucket),
			RoleARN:   aws.String("arn:aws:iam::123456789012:role/firehose"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	s := newSink(t, firehose.Config{Client: client})
	docs := documents(append(repeat(1200, 700), firehose.MaxRecordBytes, 10, 0, 20)...)
	if err := s.Put(t.Context(), docs[:1000]); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), docs[1000:]); err != nil {
		t.Fatal(err)
	}

	// Moto writes one object for each call, named by the second and a random
	// id, so the order is lost among them.
	var got [][]byte
	objects, err := store.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects.Contents {
		object, err := store.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(object.Body)
		object.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, data)
	}
	slices.SortFunc(got, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
	if want := join(docs); !bytes.Equal(bytes.Join(got, nil), want) {
		t.Errorf("%d objects of %d bytes are in S3, want the %d bytes that were put", len(got), len(bytes.Join(got, nil)), len(want))
	}

	// A stream that moto does not know is an error in its words too.
	unknown, err := firehose.New(firehose.Config{Client: client, Stream: "no-such-stream"})
	if err != nil {
		t.Fatal(err)
	}
	if got := indices(failures(t, unknown.Put(t.Context(), documents(10, 10)))); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("documents %v failed, want both", got)
	}
	if calls := unknown.TakeStats().Calls; calls != 1 {
		t.Errorf("%d calls were made to a stream that is not there, want 1", calls)
	}
}
