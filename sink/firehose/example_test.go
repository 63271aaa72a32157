package firehose_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"clearhop/internal/awstest"
	"clearhop/internal/firehosetest"
	"clearhop/sink"
	"clearhop/sink/firehose"
)

func Example() {
	service := firehosetest.New(awstest.Config{Targets: []string{"access-log"}})
	server := httptest.NewServer(service)
	defer server.Close()

	s, err := firehose.New(firehose.Config{
		Client: firehosetest.NewClient(server.URL), // of aws-sdk-go-v2
		Stream: "access-log",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Put(context.Background(), []sink.Document{
		{Data: []byte(`{"status":200}` + "\n")},
		{Data: make([]byte, 2_000_000)},
		{Data: []byte(`{"status":404}` + "\n")},
	})
	var failed *sink.PutError
	if errors.As(err, &failed) {
		for _, f := range failed.Failures {
			fmt.Printf("document %d: %v\n", f.Index, f.Err)
		}
	}
	stats := s.TakeStats()
	fmt.Printf("%d documents in %d record: %d bytes, %d billed\n", stats.Documents, stats.Records, stats.Bytes, stats.BytesBilled)
	fmt.Printf("%s", service.Data("access-log"))
	// Output:
	// document 1: document too large for firehose stream access-log: 2000000 bytes, at most 998400
	// 2 documents in 1 record: 30 bytes, 5120 billed
	// {"status":200}
	// {"status":404}
}
