package envelope_test

import (
	"fmt"

	"clearhop/decode/envelope"
	"clearhop/record"
)

func ExampleOpen() {
	text := []byte(`{"source":"stdout","log":"192.0.2.1 - - \"GET / HTTP/1.1\" 200","container_name":"/ecs-web-7-nginx-a4",` +
		`"ecs_cluster":"shop","ecs_task_arn":"arn:aws:ecs:eu-west-1:123456789012:task/shop/0f9d"}`)
	var e record.Envelope
	inner, _ := envelope.Open(text, nil, &e)
	fmt.Printf("%s\n%s: %s of %s, on %s %s\n", inner, e.Kinds[0], e.Stream, e.Name, e.Type, e.Cluster)
	// Output:
	// 192.0.2.1 - - "GET / HTTP/1.1" 200
	// firelens: stdout of ecs-web-7-nginx-a4, on ecs shop
}

func ExampleJoiner() {
	lines := [][]byte{
		[]byte(`2026-11-22T11:00:25.1Z stdout P 192.0.2.1 - - "GET /a-long`),
		[]byte(`2026-11-22T11:00:25.1Z stderr F 2026/11/22 11:00:25 [notice] 1#1: start`),
		[]byte(`2026-11-22T11:00:25.1Z stdout F -path HTTP/1.1" 200`),
	}
	var j envelope.Joiner
	j.Reset()
	for _, line := range lines {
		j.Add(line)
	}
	var (
		e              record.Envelope
		inner, scratch []byte
		first          int
	)
	for i, line := range lines {
		inner, scratch, first = j.Open(i, line, scratch[:0], &e)
		if first != i {
			fmt.Printf("%d goes on %d\n", i, first)
			continue
		}
		fmt.Printf("%d %s\n", i, inner)
	}
	// Output:
	// 0 192.0.2.1 - - "GET /a-long-path HTTP/1.1" 200
	// 1 2026/11/22 11:00:25 [notice] 1#1: start
	// 2 goes on 0
}
