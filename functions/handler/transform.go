package handler

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	outlets "clearhop/delivery"
	"clearhop/functions/delivery"
	"clearhop/pipeline"
	"clearhop/record"

	"github.com/aws/aws-lambda-go/events"
)

// maxAnswer is how many bytes of events and record ids an answer holds. It is
// below the 6 MB of a synchronous invocation, with room for the JSON around them.
const maxAnswer = 5_500_000

// recordOverhead is at least as long as the JSON around a record of the answer.
const recordOverhead = 200

// MaxRecord is how many bytes of events one record's answer holds, among 500
// others that are dropped.
const MaxRecord = (maxAnswer - 500*(recordOverhead+100)) / 4 * 3 // base64 makes 4 of 3

// A Transform answers the invocations of a Firehose stream's data transformation.
type Transform struct {
	f      *delivery.Answerer
	sender *sender
}

// NewTransform returns the handler of f. opener opens the streams that records go back to.
func NewTransform(f *delivery.Answerer, opener *outlets.Opener) *Transform {
	return &Transform{f: f, sender: &sender{opener: opener}}
}

// Handle answers each record with its events, one to one. Records that do not fit
// the answer go back to the stream, in pieces where one alone is too large, and
// are answered as dropped. A record that cannot be read becomes a dead letter,
// where there is a place for them. A record that has no other place is answered as
// failed, and Firehose keeps it under its error prefix.
func (h *Transform) Handle(ctx context.Context, event events.KinesisFirehoseEvent) (events.KinesisFirehoseResponse, error) {
	a := h.f.Begin(ctx)
	answer := events.KinesisFirehoseResponse{Records: make([]events.KinesisFirehoseResponseRecord, len(event.Records))}
	size := 0
	for i := range event.Records {
		// Firehose itself has the data of a record that failed. Without the empty
		// slice the answer would hold null instead of a text.
		answer.Records[i] = events.KinesisFirehoseResponseRecord{RecordID: event.Records[i].RecordID, Result: events.KinesisFirehoseTransformedStateProcessingFailed, Data: []byte{}}
		size += len(event.Records[i].RecordID) + recordOverhead
	}
	var back []piece
	reserve := min(timeToSendBack, a.TimeLeft()/2)
	answered, full := false, false
	for i := range event.Records {
		r := &answer.Records[i]
		if full || i > 0 && a.TimeLeft() < reserve {
			back = append(back, h.waits(ctx, a, &event, i, nil)...)
			continue
		}
		enriched, err := h.enrich(a, &event.Records[i])
		length := base64.StdEncoding.EncodedLen(len(enriched.data))
		switch {
		case errors.Is(err, errNoTime):
			a.CountFailed(err)
		case err != nil:
			if a.KeepUnread(event.Records[i].Data, err) {
				r.Result = events.KinesisFirehoseTransformedStateDropped
			}
		case enriched.tooLarge, enriched.early, !answered && size+length > maxAnswer:
			// It would never fit an answer as it is, or an invocation has no time for it.
			pieces, err := enriched.split(i, h.sender.limit(ctx, &event))
			if err != nil {
				a.CountFailed(err)
			}
			back = append(back, pieces...)
		case len(enriched.data) == 0:
			r.Result = events.KinesisFirehoseTransformedStateDropped
		case size+length > maxAnswer:
			// It would fit an answer of its own. So it waits for the next one, and so
			// do all records after it.
			full = true
			back = append(back, h.waits(ctx, a, &event, i, enriched)...)
		default:
			r.Result, r.Data = events.KinesisFirehoseTransformedStateOk, enriched.data
			size += length
			answered = true
			a.CountAnswered(enriched.events)
		}
	}
	h.sendBack(ctx, a, &event, &answer, back)
	a.End()
	return answer, nil
}

// waits returns a record that the answer has no room or no time for, as it goes back:
// as it is if it is a payload that the stream takes. A longer one goes back in pieces.
// So does one that is no payload, because the ids of its lines are made of the id of the
// record, and the stream would give it another one. e is the record enriched, or nil.
func (h *Transform) waits(ctx context.Context, a *delivery.Answer, event *events.KinesisFirehoseEvent, i int, e *enriched) []piece {
	r := &event.Records[i]
	limit := h.sender.limit(ctx, event)
	record := delivery.Record{Data: r.Data}
	if len(r.Data) <= limit && (!record.IsText() || a.IsPayload(r.Data)) {
		return []piece{{i, r.Data}}
	}
	var err error
	if e == nil {
		// Only this tells the ids of its lines.
		e, err = h.enrich(a, r)
	}
	var pieces []piece
	if err == nil {
		pieces, err = e.split(i, limit)
	}
	if err != nil {
		a.CountFailed(err)
		return nil
	}
	if len(pieces) == 0 {
		return []piece{{i, r.Data}} // it has no lines
	}
	return pieces
}

// timeToSendBack is the time left of an invocation from which on records are sent
// back instead of being enriched. Of a short invocation it is half the time, so that
// each one answers as many records as it can.
const timeToSendBack = 15 * time.Second

// An enriched record is what was made of a record.
type enriched struct {
	data     []byte // its events; nil if they are too large
	events   int
	size     int  // of its events
	tooLarge bool // for an answer of its own
	early    bool // there was no time for all of its lines
	lines    []enrichedLine

	generations int // how often the lines were sent back
}

// An enrichedLine is a line at which its record can be split.
type enrichedLine struct {
	id, text []byte
	origin   *record.Origin
	time     int64
	event    int  // bytes of its event
	goesOn   bool // it continues the line before it, and must stay with it
}

func (h *Transform) enrich(a *delivery.Answer, r *events.KinesisFirehoseEventRecord) (*enriched, error) {
	e := &enriched{}
	groups, err := h.read(a, r, &e.generations)
	if err != nil {
		return e, err
	}
	for _, lines := range groups {
		done := 0
		if !e.early {
			done = e.add(a, lines)
		}
		if done == len(lines) {
			continue
		}
		// The record goes back in pieces, for each of which there is more time. So it
		// must be known what the other lines are called.
		e.early, e.data = true, nil
		for i := range lines[done:] {
			l := &lines[done+i]
			if len(l.ID) == 0 {
				return e, errNoTime
			}
			e.lines = append(e.lines, enrichedLine{id: slices.Clone(l.ID), text: l.Text, time: l.Time, origin: l.Origin, event: eventOf(l)})
		}
	}
	return e, nil
}

// eventOf is more than the bytes that the event of a usual line has.
func eventOf(l *record.Line) int { return 4*len(l.Text) + 2_000 }

// add adds the events of lines that belong together. It returns for how many of them
// there was time.
func (e *enriched) add(a *delivery.Answer, lines []record.Line) (done int) {
	e.lines = slices.Grow(e.lines, len(lines))
	before := len(e.lines)
	return a.Process(lines, func(out *pipeline.Outcome) {
		l := &lines[len(e.lines)-before]
		at := l.Time
		if !l.HasTime {
			at = out.Record.Timestamp
		}
		e.lines = append(e.lines, enrichedLine{
			id: slices.Clone(out.ID), text: l.Text, time: at, origin: l.Origin,
			event: len(out.Data), goesOn: out.Record.Continues != nil,
		})
		if !out.Dropped {
			e.events++
		}
		e.size += len(out.Data)
		if e.tooLarge = e.size > MaxRecord; e.tooLarge {
			e.data = nil // the record will be split; memory stays bounded
			return
		}
		e.data = append(e.data, out.Data...)
	})
}

// read finds the lines of a record: of its payloads, or the record's own. Each group of
// lines belongs together. It sets how often they were sent back.
func (h *Transform) read(a *delivery.Answer, r *events.KinesisFirehoseEventRecord, times *int) ([][]record.Line, error) {
	payloads, err := a.Decode(r.Data)
	if err == nil {
		var groups [][]record.Line
		for _, p := range payloads {
			groups = append(groups, p.Lines)
			*times = max(*times, generations(p.Filters))
		}
		return groups, nil
	}
	// Firehose has taken the messages out of a payload, without their ids. The
	// record's id and the place of the line in it are used instead.
	text := delivery.Record{Data: r.Data, Source: "firehose:" + r.RecordID, Arrived: r.ApproximateArrivalTimestamp.Time}
	if !text.IsText() {
		return nil, err
	}
	return [][]record.Line{text.Lines()}, nil
}

// ErrSentBackTooOften says that a record was sent back MaxGenerations times: a guard
// against a loop.
var ErrSentBackTooOften = errors.New("a record was sent back too often")

var errNoTime = errors.New("out of time for a record of lines without ids")

// sendBack sends the pieces back to where the records came from. A record is
// answered as dropped if all of its pieces arrived there.
func (h *Transform) sendBack(ctx context.Context, a *delivery.Answer, event *events.KinesisFirehoseEvent, answer *events.KinesisFirehoseResponse, back []piece) {
	if len(back) == 0 {
		return
	}
	lost := map[int]bool{}
	for n, err := range h.sender.send(ctx, event, back) {
		if err != nil {
			a.CountFailed(err)
			lost[back[n].record] = true
		} else {
			a.CountSentBack()
		}
	}
	for _, p := range back {
		r := &answer.Records[p.record]
		if !lost[p.record] {
			r.Result = events.KinesisFirehoseTransformedStateDropped
		}
	}
}
