package s3

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"clearhop/encode/parquet"
	"clearhop/sink"
)

// A Format is what an object holds, and how its key ends.
type Format string

// The formats.
const (
	NDJSONGzip Format = "ndjson.gz"
	NDJSONZstd Format = "ndjson.zst"
	Parquet    Format = "parquet" // with zstd inside
)

// A format makes an object of documents.
type format struct {
	mediaType string

	// write writes the documents at indices. It leaves out and lists those that
	// it cannot write.
	write func(w io.Writer, docs []sink.Document, indices []int) ([]sink.Failure, error)
}

var formats = map[Format]format{
	NDJSONGzip: {"application/gzip", compressed(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })},
	NDJSONZstd: {"application/zstd", compressed(func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	})},
	Parquet: {"application/vnd.apache.parquet", writeParquet},
}

func compressed(compressor func(io.Writer) (io.WriteCloser, error)) func(io.Writer, []sink.Document, []int) ([]sink.Failure, error) {
	return func(w io.Writer, docs []sink.Document, indices []int) ([]sink.Failure, error) {
		c, err := compressor(w)
		if err != nil {
			return nil, err
		}
		for _, i := range indices {
			if _, err := c.Write(docs[i].Data); err != nil {
				return nil, err
			}
		}
		return nil, c.Close()
	}
}

func writeParquet(w io.Writer, docs []sink.Document, indices []int) ([]sink.Failure, error) {
	file, err := parquet.NewWriter(w, parquet.Options{})
	if err != nil {
		return nil, err
	}
	var failures []sink.Failure
	for _, i := range indices {
		err := file.Write(docs[i].Data)
		var malformed *parquet.EventError
		switch {
		case errors.As(err, &malformed):
			failures = append(failures, sink.Failure{Index: i, Err: fmt.Errorf("%w: %w", ErrDocument, err)})
		case err != nil:
			return nil, err
		}
	}
	return failures, file.Close()
}

// folderOf returns the part of a key that names a document's hour. An event begins
// with "@timestamp", so that the rest need not be read.
func folderOf(data []byte) (string, error) {
	const (
		start  = `{"@timestamp":"`
		layout = "2006-01-02T15:04:05.000Z"
		end    = len(start) + len(layout)
	)
	var stamp string
	if len(data) > end && string(data[:len(start)]) == start && data[end] == '"' {
		stamp = string(data[len(start):end])
	} else {
		var document struct {
			Timestamp string `json:"@timestamp"`
		}
		if json.Unmarshal(data, &document) != nil {
			return "", fmt.Errorf("%w: is no JSON object with a string as @timestamp", ErrDocument)
		}
		stamp = document.Timestamp
	}
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return "", fmt.Errorf("%w: @timestamp is no time of RFC 3339", ErrDocument)
	}
	return t.UTC().Format("dt=2006-01-02/hour=15/"), nil
}
