package redrive

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Messages are the calls of SQS that Queue makes. A *sqs.Client has them.
type Messages interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

// hidden is how long a message is hidden from others, in seconds. One that is not settled
// by then comes again, which only sends its events once more.
const hidden = 900

// emptyAnswers is how often in a row a queue must give nothing to be empty: SQS asks only
// some of its servers each time.
const emptyAnswers = 2

// Queue returns the messages of a standard queue. Settled ones are deleted, and the others
// can be received again when Run has ended. It needs the permissions sqs:ReceiveMessage,
// DeleteMessage and ChangeMessageVisibility.
func Queue(calls Messages, url string) Source {
	return &queue{calls: calls, url: url, seen: map[string]bool{}}
}

type queue struct {
	calls    Messages
	url      string
	messages []types.Message
	seen     map[string]bool // the ids of messages that came already
}

// Count implements Counter. The number is about right, as SQS gives it, and counts no
// message that is hidden. It needs the permission sqs:GetQueueAttributes.
func (q *queue) Count(ctx context.Context) (int, error) {
	out, err := q.calls.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		return 0, fmt.Errorf("count the messages of the queue: %w", err)
	}
	return strconv.Atoi(out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)])
}

// Next implements Source. A message that comes again ends the source: all have come.
func (q *queue) Next(ctx context.Context) (*Unit, error) {
	for empty := 0; len(q.messages) == 0; {
		out, err := q.calls.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &q.url, MaxNumberOfMessages: 10, VisibilityTimeout: hidden, WaitTimeSeconds: 1,
		})
		if err != nil {
			return nil, fmt.Errorf("receive from the queue: %w", err)
		}
		for i := range out.Messages {
			if id := aws.ToString(out.Messages[i].MessageId); !q.seen[id] {
				q.seen[id] = true
				q.messages = append(q.messages, out.Messages[i])
			}
		}
		if len(q.messages) > 0 {
			break
		}
		if empty++; empty == emptyAnswers {
			return nil, io.EOF
		}
	}
	m := q.messages[0]
	q.messages = q.messages[1:]
	return &Unit{
		Name: "message " + aws.ToString(m.MessageId), Data: []byte(aws.ToString(m.Body)),
		Settle: func(ctx context.Context) error {
			_, err := q.calls.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: m.ReceiptHandle})
			return err
		},
		Release: func(ctx context.Context) error {
			_, err := q.calls.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
			return err
		},
	}, nil
}
