// Package feed drives lines from their sources through the pipeline: what goes in
// are Inputs, what comes out are the outcomes of all lines, in input order.
//
//	counts, err := feed.Run(ctx, feed.Files(names, open), feed.Config{
//		Pipeline:     p,
//		NewCollector: func() feed.Collector { return &events{out: out} },
//		Flush:        out.flush,
//	})
//
// # How lines flow
//
//	Source ──► reader ──► batch ──► drive ──────► pipeline.Worker ──► Collector
//	           a goroutine that     the goroutine of Run, or          Add, then Yield
//	           copies lines         several goroutines
//
// A reader copies the lines of one stream into a batch, because a Source uses its
// buffers again. It sends the batch when it is full, and before it waits for more
// input. The drive takes the batches one by one, has the pipeline process them, and
// passes on the results. While a sink is slow, the readers wait for the drive, so
// the memory in use is bounded: a batch for each reader, one for each stream with an
// unfinished message, and those that the workers have.
//
// # Workers
//
// With one worker, the drive processes each batch itself. With more of them
// (Config.Workers), it only puts the messages of a batch together, which is about a tenth
// of the work, and hands the batch to a worker. So several of them process batches of one
// stream at the same time:
//
//	drive:     assemble 1 2 3 4 …          settle and yield 1 2 3 4 …
//	worker A:             process 1   process 3
//	worker B:               process 2     process 4
//
// The batches are assembled and yielded in the order of the input, and each has a
// Collector of its own meanwhile. The results are those of one worker, byte for byte. A
// batch whose first line has no time waits for the last time of the batch before it. At
// most two batches more than workers are on their way. Before the pipeline is refreshed,
// all of them are finished.
//
// # Samples
//
// If the pipeline infers formats, the first lines of a stream are held back until there
// are enough to decide how they are read: 2,000 lines or 1 MiB, or the end of the
// input, or what has come within 200 ms where the input keeps the reader waiting. The
// batches of all streams wait meanwhile, so that the order stays. Config.Decided is
// told.
//
// # Messages of several lines
//
// A message may go on in the next batch. Its lines are held until the message is
// complete, until its stream ends, or until the bounds of a batch are reached. If
// the stream waits for input, they are held until the second tick of a clock that
// ticks every 200 ms. The events therefore do not depend on where a batch ends.
//
// # Errors and interrupts
//
// An input that fails does not keep the others from being read. An error of a
// Collector or of Flush ends the reading of all inputs, since results cannot be
// passed on any more. When ctx ends, reading ends, and all lines that were read are
// still processed and passed on.
//
// # Concurrency
//
// Run returns when all its goroutines have ended. It calls the functions of Config, and
// Yield, from one goroutine, while each Source is in the goroutine of its reader. Where
// there are several workers, each calls Add. A panic of one of them is a panic of Run.
package feed

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"clearhop/decode"
	"clearhop/pipeline"
	"clearhop/record"
)

// A Source gives the lines of one input one by one. It is for one goroutine.
type Source interface {
	// Next returns the next line, which holds until the next call. At the end it
	// returns io.EOF; it also does so soon after the context ends that the Source
	// was opened with.
	//
	// After a *TemporaryError or a *decode.PayloadError the next call goes on
	// behind the fault. Any other error is the end of the Source.
	//
	// Lines of several streams may come one between the other. Those of one stream have
	// the same Origin, and a stream whose lines come back later goes on.
	Next() (*record.Line, error)
	// Ready reports whether Next will return a line without waiting for input. If
	// it is false, the lines read so far are processed before Next is called.
	Ready() bool
	// Counts returns what was read so far.
	Counts() Counts
	// Close gives up the Source. It is called once, after the last Next.
	Close() error
}

// An Input opens a Source when its turn to be read comes. The Source is to end
// when ctx ends.
type Input func(ctx context.Context) (Source, error)

// Counts are what was read.
type Counts struct {
	Inputs int   // that could be opened; 1 in the counts of a Source
	Bytes  int64 // as they were stored, so compressed ones if the input is compressed; 0 if not known
	Empty  int64 // empty lines, which are left out
}

func (c *Counts) add(more Counts) {
	c.Inputs += more.Inputs
	c.Bytes += more.Bytes
	c.Empty += more.Empty
}

// A TemporaryError is an error after which its Source goes on, such as that of a
// followed file that cannot be read at the moment.
type TemporaryError struct{ Err error }

// Error gives the cause.
func (e *TemporaryError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TemporaryError) Unwrap() error { return e.Err }

// A Collector keeps what its user wants of the outcomes of a batch, and passes it
// on when it is the batch's turn.
type Collector interface {
	// Add takes the outcome of a line, which holds until Add returns. Where there are
	// several workers, it may change the Collector's own state only: other Collectors
	// take the lines before and behind at the same time. What was added may then be given
	// up instead of being yielded, together with the Collector.
	Add(*pipeline.Outcome)
	// Yield passes on what was added since the last call. The calls come in input
	// order, in the goroutine of Run, and so never two at the same time. ctx does not
	// end on an interrupt.
	Yield(ctx context.Context) error
}

// A Config says what Run works with.
type Config struct {
	// Pipeline processes the lines. It is refreshed between batches.
	Pipeline *pipeline.Pipeline
	// NewCollector makes a Collector. Where there are several workers, there are several
	// Collectors too, which share nothing that Add changes.
	NewCollector func() Collector
	// Workers is how many goroutines process lines at the same time at most; 0 and 1 mean
	// that Run does it itself, with one Collector. The results are the same, in the same
	// order.
	Workers int
	// Together reads all inputs at the same time, and their batches come in the
	// order in which they were read. Otherwise the inputs are read one after the
	// other.
	Together bool

	// Flush writes what was yielded and is not written yet. It is called every
	// 200 ms and at the end. nil if nothing is to be done.
	Flush func(ctx context.Context) error
	// Settled is called after Flush has written all that was yielded, with the places of
	// the last lines of followed files: these lines and all before them are written. It
	// is called every 200 ms, after each 4 MiB of lines and at the end. nil if nobody is to
	// know.
	Settled func([]decode.Position) error
	// Warn reports an error that does not end anything: a *TemporaryError of a
	// Source, or what Pipeline.Refresh returns. An input
	// repeats no error that it has just reported. nil if nobody is to know.
	Warn func(error)
	// Decided is called with how streams are read, after a sample of their lines and
	// before these lines are processed. nil if nobody is to know.
	Decided func([]pipeline.Reading)
	// Progress is called after each batch with the bytes read so far, of all
	// inputs. nil if nobody is to know.
	Progress func(bytes int64)

	batchLines int // how many lines are in a batch at most; 0 means maxLines. For tests
}

// Run reads the inputs, processes their lines and passes on the results. It
// returns what was read when all inputs have ended, or soon after ctx has. An
// interrupt is no error.
//
// The error joins the errors of the inputs, in their order, and that of a
// Collector or of Flush. Of one input it holds at most 21 errors: the input is
// given up at the 21st broken payload.
func Run(ctx context.Context, inputs []Input, c Config) (Counts, error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	batches, warnings := make(chan *batch), make(chan error)
	var readers []*reader
	for _, some := range split(inputs, c.Together) {
		readers = append(readers, &reader{inputs: some, batches: batches, warnings: warnings, places: c.Settled != nil, most: cmp.Or(c.batchLines, maxLines)})
	}
	used := make(chan *batch, len(readers)+1) // each reader fills one, and one is processed
	var running sync.WaitGroup
	for _, r := range readers {
		r.used = used
		running.Go(func() { r.run(reading) })
	}
	go func() {
		running.Wait()
		close(batches)
	}()

	d := newDrive(c, stop, used)
	d.run(reading, batches, warnings)

	var counts Counts
	var errs []error
	for _, r := range readers {
		counts.add(r.counts)
		errs = append(errs, r.errs...)
	}
	return counts, errors.Join(append(errs, d.err)...)
}

// split returns the inputs that each reader is to read.
func split(inputs []Input, together bool) [][]Input {
	if !together {
		return [][]Input{inputs}
	}
	var each [][]Input
	for i := range inputs {
		each = append(each, inputs[i:i+1])
	}
	return each
}
