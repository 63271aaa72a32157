package decode_test

import (
	"fmt"
	"io"
	"log"
	"strings"

	"clearhop/decode"
)

func ExampleDecoder() {
	d := decode.NewDecoder(decode.Options{})
	// In a Lambda this is the event: {"awslogs":{"data":"H4sI..."}}.
	p, err := d.Decode([]byte(`{
		"messageType": "DATA_MESSAGE",
		"owner": "123456789012",
		"logGroup": "/ecs/web",
		"logStream": "nginx/1",
		"logEvents": [
			{"id": "39401", "timestamp": 1795345224123, "message": "192.0.2.1 - - \"GET / HTTP/1.1\" 200\n"},
			{"id": "39402", "timestamp": 1795345224456}
		]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range p.Lines {
		fmt.Printf("%s %d %s\n", line.ID, line.Time, line.Origin.Source)
		fmt.Printf("  [%s] %s\n", line.Defect, line.Text)
	}
	// Output:
	// 39401 1795345224123 /ecs/web:nginx/1
	//   [] 192.0.2.1 - - "GET / HTTP/1.1" 200
	// 39402 1795345224456 /ecs/web:nginx/1
	//   [log event without a message] {"id": "39402", "timestamp": 1795345224456}
}

func ExampleReader() {
	file := strings.NewReader("first\n\nsecond\r\nlast") // or gzip, zstd, payloads
	r := decode.NewReader(file, decode.Options{Name: "./access.log"})
	for {
		line, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s:%d: %s\n", line.Origin.Source, line.Offset, line.Text)
	}
	fmt.Println(r.Empty(), "empty,", r.BytesRead(), "bytes")
	// Output:
	// access.log:0: first
	// access.log:7: second
	// access.log:15: last
	// 1 empty, 19 bytes
}
