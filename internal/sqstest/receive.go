package sqstest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"clearhop/internal/awstest"
)

// A Receiver answers ReceiveMessage, DeleteMessage and ChangeMessageVisibility for the
// messages that a queue of a Server has accepted. Messages in base64 come without it. It
// is an http.Handler, safe for concurrent use.
type Receiver struct {
	// Server has accepted the messages.
	Server *awstest.Server
	// Queue is the name of the queue.
	Queue string
	// Plan returns what goes wrong with the next call; nil lets all pass.
	Plan func(operation string) awstest.Fault

	mu      sync.Mutex
	hidden  map[int]time.Time // of messages, by their number: until when
	deleted map[int]bool
}

// Left returns how many messages are not deleted.
func (q *Receiver) Left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.Server.Records(q.Queue)) - len(q.deleted)
}

// Show lets hidden messages be received again, as when their time is over.
func (q *Receiver) Show() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.hidden)
}

// Messages returns the bodies of the messages that are not deleted.
func (q *Receiver) Messages() (all [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, r := range q.Server.Records(q.Queue) {
		if !q.deleted[i] {
			all = append(all, r.Data)
		}
	}
	return all
}

// ServeHTTP answers one call.
func (q *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	var in struct {
		MaxNumberOfMessages, VisibilityTimeout int
		ReceiptHandle                          string
	}
	if err != nil || json.Unmarshal(body, &in) != nil {
		writeError(w, awstest.Error{Status: http.StatusBadRequest, Code: "SerializationException"})
		return
	}
	var fault awstest.Fault
	if q.Plan != nil {
		fault = q.Plan(operation)
	}
	fault.Serve(w, r, writeError, func(w http.ResponseWriter) {
		q.mu.Lock()
		defer q.mu.Unlock()
		number := -1
		_, _ = fmt.Sscanf(in.ReceiptHandle, "message %d", &number)
		until := time.Now().Add(time.Duration(in.VisibilityTimeout) * time.Second)
		switch {
		case operation == "ReceiveMessage":
			writeJSON(w, http.StatusOK, map[string]any{"Messages": q.receive(in.MaxNumberOfMessages, until)})
			return
		case number < 0:
			writeError(w, awstest.Error{Status: http.StatusBadRequest, Code: "com.amazonaws.sqs#ReceiptHandleIsInvalid"})
			return
		case operation == "DeleteMessage":
			q.deleted[number] = true
		default:
			q.hidden[number] = until
		}
		writeJSON(w, http.StatusOK, struct{}{})
	})
}

type received struct{ MessageId, ReceiptHandle, Body, MD5OfBody string }

// receive gives messages that are neither deleted nor hidden, and hides them.
func (q *Receiver) receive(most int, until time.Time) []received {
	if q.hidden == nil {
		q.hidden, q.deleted = map[int]time.Time{}, map[int]bool{}
	}
	var out []received
	for i, r := range q.Server.Records(q.Queue) {
		if len(out) == most {
			break
		}
		if q.deleted[i] || q.hidden[i].After(time.Now()) {
			continue
		}
		q.hidden[i] = until
		sum := md5.Sum(r.Data)
		out = append(out, received{fmt.Sprint("id-", i), fmt.Sprint("message ", i), string(r.Data), hex.EncodeToString(sum[:])})
	}
	return out
}

func writeError(w http.ResponseWriter, e awstest.Error) {
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	writeJSON(w, e.Status, map[string]string{"__type": e.Code, "message": e.Message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", protocolOf.MediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}
