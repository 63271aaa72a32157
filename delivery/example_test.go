package delivery_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"clearhop/delivery"
	"clearhop/sink"
	"clearhop/sink/deadletter"
	"clearhop/sink/file"
)

// fullDisk is a sink that takes the first event and fails for the others.
type fullDisk struct{ sink.Sink }

func (d fullDisk) Put(ctx context.Context, docs []sink.Document) error {
	if err := d.Sink.Put(ctx, docs[:1]); err != nil {
		return err
	}
	return sink.FailFrom(1, len(docs), fmt.Errorf("no space left on device"))
}

func Example() {
	var kept bytes.Buffer
	outlets, err := delivery.New(delivery.Sinks{
		Events:  fullDisk{file.New(os.Stdout)},
		Letters: file.New(&kept),
	}, delivery.Options{Source: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	receipt := outlets.All()[0].Put(ctx, []sink.Document{
		{ID: []byte("1"), Data: []byte(`{"event":{"id":"1"}}` + "\n")},
		{ID: []byte("2"), Data: []byte(`{"event":{"id":"2"}}` + "\n")},
	})
	fmt.Printf("%d delivered, %d kept as a dead letter, %d lost\n", receipt.Delivered, receipt.DeadLetters, len(receipt.Lost))

	var letters deadletter.Reader
	for letter, err := range letters.All(&kept) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s", letter.Reason, letter.Data)
	}
	// Output:
	// {"event":{"id":"1"}}
	// 1 delivered, 1 kept as a dead letter, 0 lost
	// no space left on device: {"event":{"id":"2"}}
}
