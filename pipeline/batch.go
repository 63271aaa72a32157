package pipeline

import (
	"clearhop/decode/envelope"
	"clearhop/parser"
	"clearhop/record"
)

// A Yield takes the outcome of a line, which holds until Yield returns. Its
// error ends the work and is handed on.
type Yield func(*Outcome) error

// ProcessBatch takes lines of one stream through the pipeline and yields their
// outcomes, one for each, in their order.
//
// A message that nginx or a log router spread over several lines is joined
// within the batch: the event of its first line carries the whole, the others
// are of the dataset nginx.other and name the first.
//
// Where more lines are to come, last is false. If a message is not complete at
// the end of the batch then, its lines and those behind its first are left:
// done says how many lines were processed, and the caller begins the next batch
// with the rest.
func (w *Worker) ProcessBatch(lines []record.Line, last bool, yield Yield) (done int, err error) {
	b := &w.batch
	b.fragments.Reset()
	b.continues = b.continues[:0]
	for i := range lines {
		b.fragments.Add(lines[i].Text)
		b.continues = append(b.continues, 0)
	}
	for i := range lines {
		line := &lines[i]
		inner, first := w.open(lines, i)
		out := &w.batch.out // one for all lines: Yield would make each escape
		switch {
		case line.Defect != record.Sound:
			*out = w.process(line, line.Text)
		case first != i:
			*out = w.continuation(line, &lines[first])
		case w.envelope.Partial && !last:
			return i, nil
		case b.continues[i] > 0:
			*out = w.continuation(line, &lines[b.continues[i]-1])
		case b.errors.Start(inner):
			whole, open := w.join(lines, i)
			if open && !last {
				return i, nil
			}
			inner, _ = w.open(lines, i)
			if whole != nil {
				inner = whole
			}
			*out = w.process(line, inner)
		default:
			*out = w.process(line, inner)
		}
		if err := yield(out); err != nil {
			return i + 1, err
		}
	}
	return len(lines), nil
}

// A batch is what ProcessBatch keeps from one to the next.
type batch struct {
	fragments envelope.Joiner
	errors    parser.ErrorJoin
	continues []int32 // by line: one more than the line that it goes on, or 0
	scratch   []byte
	ahead     []byte // scratch for the lines behind the one in hand
	id        []byte
	out       Outcome
}

// open takes the envelopes off a line and joins the fragments that it is the
// first of. first is another line if that one is.
func (w *Worker) open(lines []record.Line, i int) (inner []byte, first int) {
	b := &w.batch
	inner, b.scratch, first = b.fragments.Open(i, lines[i].Text, b.scratch[:0], &w.envelope)
	return inner, first
}

// join looks for the lines that the error record of line i goes on in, and
// marks them. It returns the whole record; nil if it does not go on after all.
// open says that the batch ended before the record did.
func (w *Worker) join(lines []record.Line, i int) (whole []byte, open bool) {
	b := &w.batch
	var e record.Envelope
	for k := i + 1; k < len(lines); k++ {
		if lines[k].Origin != lines[i].Origin || lines[k].Defect != record.Sound {
			break
		}
		var inner []byte
		inner, b.ahead = envelope.Open(lines[k].Text, b.ahead[:0], &e)
		// What a format of the stream reads is a line of its own, whatever a
		// visitor put into the error before it.
		w.spare.Reset()
		access := w.formatsFor(lines[k].Origin).Parse(inner, &w.spare) == nil
		switch b.errors.Add(inner, access) {
		case parser.JoinDone:
			b.continues[k] = int32(i + 1)
			return b.errors.Text(), false
		case parser.JoinMore:
			b.continues[k] = int32(i + 1)
			continue
		case parser.JoinBetween:
			continue
		}
		b.forget(i)
		return nil, false
	}
	b.forget(i)
	return nil, b.errors.Open()
}

// forget takes back that lines go on line i.
func (b *batch) forget(i int) {
	for k := i + 1; k < len(b.continues); k++ {
		if b.continues[k] == int32(i+1) {
			b.continues[k] = 0
		}
	}
}

// continuation makes the outcome of a line that goes on an earlier one.
func (w *Worker) continuation(line, first *record.Line) Outcome {
	w.batch.id = append(w.batch.id[:0], w.identify(first)...)
	r := w.begin(line)
	r.Dataset = record.OtherLine
	// Its text stands in the first event, scrubbed as a whole. Here a secret
	// could stand without the name that tells it for one.
	r.Continues = w.batch.id
	return w.finish(r, nil)
}
