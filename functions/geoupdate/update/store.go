package update

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A store is the databases in S3. The metadata of each object say which release it
// is.
type store struct {
	client         *s3.Client
	bucket, prefix string
}

// The keys of an object's metadata.
const (
	sourceKey  = "source"
	versionKey = "version"
	builtKey   = "built" // RFC 3339
)

func (s *store) key(name string) *string { return aws.String(s.prefix + name + ".mmdb") }

// head returns the release in place. It is the zero release if there is no object,
// or if the object was not put there by put.
func (s *store) head(ctx context.Context, name string) (release, error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: s.key(name)})
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() == http.StatusNotFound {
		return release{}, nil
	}
	if err != nil {
		return release{}, err
	}
	built, err := time.Parse(time.RFC3339, out.Metadata[builtKey])
	if err != nil {
		return release{}, nil //nolint:nilerr // the object was not put there by put
	}
	return release{source: out.Metadata[sourceKey], version: out.Metadata[versionKey], built: built}, nil
}

// put puts a release in place and returns its size in bytes.
func (s *store) put(ctx context.Context, name string, r release) (size int64, err error) {
	f, err := os.Open(r.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: s.key(name), Body: f,
		ContentType: aws.String("application/octet-stream"),
		Metadata: map[string]string{
			sourceKey: headerText(r.source), versionKey: headerText(r.version), builtKey: r.built.UTC().Format(time.RFC3339),
		},
	})
	return info.Size(), err
}

// headerText returns text, or "" if a header cannot contain it. Without it, the
// release counts as another one and is downloaded again.
func headerText(text string) string {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return text
}
