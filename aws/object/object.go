// Package object follows an object in S3: it detects a new version and downloads it
// into a file.
//
//	o, err := object.New(object.Config{URL: "s3://bucket/geoip/city.mmdb", Get: object.Lazy()})
//	path, err := o.Fetch(ctx) // the first version; later "" until there is a new one
//	...
//	err = os.Remove(path)
//
// In goes an s3:// URL. Out come the paths of temporary files, which the caller
// removes. New checks the URL and does no I/O. Fetch makes one call of GetObject. It
// needs the permission s3:GetObject. Without s3:ListBucket, S3 answers that a
// missing object is forbidden.
//
// An Object is for one goroutine at a time. A Get is safe for concurrent use.
package object

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Get is the method GetObject of an *s3.Client, or the result of Lazy. It always
// comes from the caller, so that a program that does not need S3 does not link the
// client: in a binary that calls methods by name, as the package kong does, the
// client takes 7 MB.
type Get func(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)

// Scheme starts the URL of an object.
const Scheme = "s3://"

// MaxSize is the default of Config.MaxSize, in bytes. It is the default size of /tmp
// of a Lambda function.
const MaxSize = 512 << 20

// Config says which object to follow.
type Config struct {
	URL string // s3://bucket/key
	// Dir is the folder of the files. "" means os.TempDir.
	Dir string
	// MaxSize is the size of the largest object that is downloaded, in bytes. 0
	// means the constant MaxSize.
	MaxSize int64
	// Get calls S3. It must not be nil.
	Get Get
}

// An Object is an object that is followed. It is for one goroutine at a time.
type Object struct {
	bucket, key string
	dir         string
	maxSize     int64
	get         Get
	etag        *string // of the version that was downloaded last
}

// New makes an Object of which nothing was downloaded yet. Its error is that of
// a bad URL.
func New(c Config) (*Object, error) {
	bucket, key, ok := SplitURL(c.URL)
	if !ok || key == "" {
		return nil, fmt.Errorf("%.200q is not an object in S3: write %sBUCKET/KEY", c.URL, Scheme)
	}
	o := &Object{bucket: bucket, key: key, dir: c.Dir, maxSize: c.MaxSize, get: c.Get}
	if o.maxSize == 0 {
		o.maxSize = MaxSize
	}
	return o, nil
}

// SplitURL splits s3://bucket/key into the bucket and the key. The key is empty if
// the URL names a bucket only. ok is false if the URL names no bucket.
func SplitURL(url string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(url, Scheme)
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, ok && bucket != ""
}

// A SizeError says that an object is larger than allowed and was not downloaded.
type SizeError struct {
	Size, Max int64 // bytes
}

// Error returns both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("the object has %d bytes, more than the limit of %d", e.Size, e.Max)
}

// Permanent reports that the version will never be downloaded.
func (e *SizeError) Permanent() bool { return true }

// Fetches returns a function that makes an Object for a URL and returns its Fetch.
// get calls S3. The function fits pipeline.Config.OpenObject.
func Fetches(get Get) func(url string) (fetch func(context.Context) (path string, err error), err error) {
	return func(url string) (func(context.Context) (string, error), error) {
		o, err := New(Config{URL: url, Get: get})
		if err != nil {
			return nil, err
		}
		return o.Fetch, nil
	}
}

// Fetch downloads the object into a new file and returns the path of the file. If
// the object is the version that was downloaded last, the path is "". The file is
// always complete: a transfer that breaks off, or that has a wrong checksum, is an
// error.
//
// A *SizeError is reported once for each version that is too large. Other errors are
// those of the SDK and of the file system; the next Fetch tries again. After an
// error there is no file.
func (o *Object) Fetch(ctx context.Context) (path string, err error) {
	out, err := o.get(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key, IfNoneMatch: o.etag})
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() == http.StatusNotModified {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if size := aws.ToInt64(out.ContentLength); size > o.maxSize {
		o.etag = out.ETag
		return "", &SizeError{Size: size, Max: o.maxSize}
	}
	path, err = save(o.dir, out.Body)
	if err != nil {
		return "", fmt.Errorf("download: %w", err)
	}
	o.etag = out.ETag
	return path, nil
}

// save writes all of r into a new file.
func save(dir string, r io.Reader) (path string, err error) {
	f, err := os.CreateTemp(dir, "clearhop-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// Lazy returns a Get that makes its client on the first call, with the usual
// configuration of AWS's tools. If the configuration cannot be read, the next call
// tries again. The Get is safe for concurrent use.
func Lazy() Get {
	client := lazyClient()
	return func(ctx context.Context, in *s3.GetObjectInput, with ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
		c, err := client(ctx)
		if err != nil {
			return nil, err
		}
		return c.GetObject(ctx, in, with...)
	}
}

// lazyClient returns a function that makes a client on its first call.
func lazyClient() func(ctx context.Context) (*s3.Client, error) {
	var mu sync.Mutex
	var client *s3.Client
	return func(ctx context.Context) (*s3.Client, error) {
		mu.Lock()
		defer mu.Unlock()
		if client != nil {
			return client, nil
		}
		c, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("aws configuration: %w", err)
		}
		if c.Region == "" {
			return nil, errors.New("aws configuration: no region is set, for example by AWS_REGION")
		}
		client = s3.NewFromConfig(c, func(o *s3.Options) {
			o.DisableLogOutputChecksumValidationSkipped = true // it would log a line for each object without a checksum
		})
		return client, nil
	}
}
