// Package s3test stands in for S3 in tests. It is a server that keeps objects in memory,
// and answers PutObject, GetObject, CopyObject, DeleteObject and ListObjectsV2 of clients
// that put the bucket into the path of the URL:
//
//	server := s3test.New(s3test.Config{Buckets: []string{"events"}})
//	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
//
// It holds requests to what the API documents: the length of keys, the length and the
// checksum of an object, at most 1,000 keys in a list, and lists in the order of the keys.
// A request that breaks this is refused and noted as a violation. Signatures are not
// checked.
//
// Config.Plan says what goes wrong with a call. A Server is safe for concurrent use.
package s3test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"clearhop/internal/awstest"
)

// The limits of the API.
const (
	MaxKey    = 1024    // bytes
	MaxListed = 1000    // keys in an answer
	MaxObject = 5 << 30 // bytes, of one call
)

// SlowDown refuses a call because there were too many.
func SlowDown() awstest.Fault {
	return awstest.Fault{Error: awstest.Error{Status: http.StatusServiceUnavailable, Code: "SlowDown", Message: "Please reduce your request rate."}}
}

// Config is what a Server is made of.
type Config struct {
	// Buckets are the buckets that exist.
	Buckets []string

	// Plan returns what goes wrong with the next call of an operation, such as
	// PutObject. Of the Fault only what does not speak of records counts. Nil lets all
	// calls pass.
	Plan func(operation string) awstest.Fault
}

// A Server is the stand-in. It is an http.Handler.
type Server struct {
	config Config

	mu         sync.Mutex
	buckets    map[string]map[string][]byte
	violations []string
}

// New returns a Server for the caller to serve.
func New(c Config) *Server {
	s := &Server{config: c, buckets: map[string]map[string][]byte{}}
	for _, name := range c.Buckets {
		s.buckets[name] = map[string][]byte{}
	}
	return s
}

// Put keeps an object without a call, as a service of AWS does.
func (s *Server) Put(bucket, key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[bucket][key] = bytes.Clone(data)
}

// Keys returns the keys below a prefix, in their order.
func (s *Server) Keys(bucket, prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys(bucket, prefix)
}

func (s *Server) keys(bucket, prefix string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.buckets[bucket])), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// Object returns an object, which must not be changed; nil if there is none.
func (s *Server) Object(bucket, key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets[bucket][key]
}

// Violations returns what callers did that the service would refuse.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	operation, act := s.operation(r, bucket, key)
	if act == nil {
		s.refuse(w, r.Method+" "+r.URL.Path+": is no operation that is known here", awstest.Error{Status: http.StatusNotImplemented, Code: "NotImplemented"})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller has gone
	}
	if problem, e := check(r, key, body); problem != "" {
		s.refuse(w, problem, e)
		return
	}
	if s.buckets[bucket] == nil {
		writeError(w, awstest.Error{Status: http.StatusNotFound, Code: "NoSuchBucket"})
		return
	}
	var fault awstest.Fault
	if s.config.Plan != nil {
		fault = s.config.Plan(operation)
	}
	fault.Serve(w, r, writeError, func(w http.ResponseWriter) { act(w, body) })
}

// operation returns what a request asks for. The function answers it.
func (s *Server) operation(r *http.Request, bucket, key string) (name string, act func(http.ResponseWriter, []byte)) {
	from := r.Header.Get("X-Amz-Copy-Source")
	switch {
	case r.Method == http.MethodGet && key == "" && r.URL.Query().Get("list-type") == "2":
		return "ListObjectsV2", func(w http.ResponseWriter, _ []byte) { s.list(w, bucket, r.URL.Query()) }
	case key == "":
	case r.Method == http.MethodPut && from != "":
		return "CopyObject", func(w http.ResponseWriter, _ []byte) { s.copy(w, bucket, key, from) }
	case r.Method == http.MethodPut:
		return "PutObject", func(w http.ResponseWriter, body []byte) {
			s.Put(bucket, key, body)
			w.Header().Set("ETag", `"0"`)
			w.WriteHeader(http.StatusOK)
		}
	case r.Method == http.MethodGet:
		return "GetObject", func(w http.ResponseWriter, _ []byte) { s.get(w, bucket, key) }
	case r.Method == http.MethodDelete:
		return "DeleteObject", func(w http.ResponseWriter, _ []byte) {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.buckets[bucket], key)
			w.WriteHeader(http.StatusNoContent)
		}
	}
	return "", nil
}

// check returns what is wrong with a request, and the service's answer to it.
func check(r *http.Request, key string, body []byte) (problem string, e awstest.Error) {
	bad := func(code, format string, args ...any) (string, awstest.Error) {
		return fmt.Sprintf(format, args...), awstest.Error{Status: http.StatusBadRequest, Code: code}
	}
	switch sum := r.Header.Get("X-Amz-Checksum-Crc32"); {
	case r.Header.Get("Authorization") == "":
		return "no signature", awstest.Error{Status: http.StatusForbidden, Code: "AccessDenied"}
	case len(key) > MaxKey:
		return bad("KeyTooLongError", "a key of %d bytes", len(key))
	case len(body) > MaxObject:
		return bad("EntityTooLarge", "an object of %d bytes", len(body))
	case r.Method == http.MethodPut && r.ContentLength != int64(len(body)):
		return bad("IncompleteBody", "an object of %d bytes, and not of %d", len(body), r.ContentLength)
	case sum != "" && sum != checksum(body):
		return bad("BadDigest", "an object whose checksum is another one")
	}
	return "", e
}

func checksum(body []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

func (s *Server) get(w http.ResponseWriter, bucket, key string) {
	data := s.Object(bucket, key)
	if data == nil {
		writeError(w, awstest.Error{Status: http.StatusNotFound, Code: "NoSuchKey"})
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Header().Set("ETag", `"`+checksum(data)+`"`)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // the caller may be gone
}

func (s *Server) copy(w http.ResponseWriter, bucket, key, from string) {
	path, err := url.PathUnescape(strings.TrimPrefix(from, "/"))
	fromBucket, fromKey, _ := strings.Cut(path, "/")
	data := s.Object(fromBucket, fromKey)
	if err != nil || data == nil {
		writeError(w, awstest.Error{Status: http.StatusNotFound, Code: "NoSuchKey"})
		return
	}
	s.Put(bucket, key, data)
	writeXML(w, http.StatusOK, struct {
		XMLName xml.Name `xml:"CopyObjectResult"`
		ETag    string
	}{ETag: `"0"`})
}

type content struct {
	Key          string
	Size         int
	ETag         string
	LastModified string
}

func (s *Server) list(w http.ResponseWriter, bucket string, query url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Name        string
		KeyCount    int
		IsTruncated bool
		Contents    []content
	}{Name: bucket}
	for _, key := range s.keys(bucket, query.Get("prefix")) {
		if key <= query.Get("start-after") {
			continue
		}
		if len(out.Contents) == MaxListed {
			out.IsTruncated = true
			break
		}
		out.Contents = append(out.Contents, content{Key: key, Size: len(s.buckets[bucket][key]), ETag: `"0"`, LastModified: "2026-11-22T11:00:24.000Z"})
	}
	out.KeyCount = len(out.Contents)
	writeXML(w, http.StatusOK, out)
}

// refuse answers with e and notes a violation.
func (s *Server) refuse(w http.ResponseWriter, problem string, e awstest.Error) {
	s.mu.Lock()
	s.violations = append(s.violations, problem)
	s.mu.Unlock()
	writeError(w, e)
}

func writeError(w http.ResponseWriter, e awstest.Error) {
	writeXML(w, e.Status, struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: e.Code, Message: e.Message})
}

func writeXML(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	// The caller may be gone; then nobody can be told.
	_ = xml.NewEncoder(w).Encode(body)
}
