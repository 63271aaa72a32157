package handler

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/klauspost/compress/gzip"
)

// A piece is a part of a record, or all of it, on its way back to the stream.
type piece struct {
	record int // of the event's records
	data   []byte
}

const (
	// MaxPiece is how many bytes of events the lines of a piece make. Two pieces
	// fit an answer.
	MaxPiece = MaxRecord / 2

	// MaxGenerations is how often lines are split. A piece fits an answer of its
	// own, so that more than once would be a mistake of ours. A record that only
	// found no room is sent back as it is, and that does not count: each answer has
	// room for at least one record.
	MaxGenerations = 3
)

// SentBack marks a payload that was sent back, once for each time. It is in the
// list of the names of subscription filters.
const SentBack = "clearhop:sent-back"

func generations(filters []string) int {
	n := 0
	for _, name := range filters {
		if name == SentBack {
			n++
		}
	}
	return n
}

// A payload is a payload of CloudWatch Logs, as its subscriptions write it.
type payload struct {
	MessageType         string     `json:"messageType"`
	Owner               string     `json:"owner"`
	LogGroup            string     `json:"logGroup"`
	LogStream           string     `json:"logStream"`
	SubscriptionFilters []string   `json:"subscriptionFilters"`
	LogEvents           []logEvent `json:"logEvents"`
}

type logEvent struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// split divides the lines of a record into pieces, so that the events of each
// piece fit an answer, and no piece is longer than limit bytes. Lines keep their ids. Lines that belong together stay
// together. The lines of two payloads never share a piece.
func (e *enriched) split(record, limit int) ([]piece, error) {
	if e.generations >= MaxGenerations {
		return nil, ErrSentBackTooOften
	}
	var pieces []piece
	for len(e.lines) > 0 {
		n, size := 0, 0
		for n < len(e.lines) && (n == 0 || e.lines[n].origin == e.lines[0].origin && (e.lines[n].goesOn || size+e.lines[n].event <= MaxPiece)) {
			size += e.lines[n].event
			n++
		}
		data, err := e.pack(e.lines[:n])
		for err == nil && len(data) > limit && n > 1 {
			n = half(e.lines[:n])
			data, err = e.pack(e.lines[:n])
		}
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, piece{record, data})
		e.lines = e.lines[n:]
	}
	return pieces, nil
}

// half returns how many lines make about the first half of lines, which are two or
// more. Lines that belong together stay together where that is possible.
func half(lines []enrichedLine) int {
	for n := len(lines) / 2; n > 0; n-- {
		if !lines[n].goesOn {
			return n
		}
	}
	return len(lines) / 2
}

// pack makes a payload of lines, which all have the same origin.
func (e *enriched) pack(lines []enrichedLine) ([]byte, error) {
	origin := lines[0].origin
	p := payload{
		MessageType: "DATA_MESSAGE", Owner: origin.AccountID, LogGroup: origin.LogGroup, LogStream: origin.LogStream,
		SubscriptionFilters: slices.Repeat([]string{SentBack}, e.generations+1),
		LogEvents:           make([]logEvent, len(lines)),
	}
	for i, l := range lines {
		p.LogEvents[i] = logEvent{ID: string(l.id), Timestamp: l.time, Message: string(l.text)}
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(p); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
