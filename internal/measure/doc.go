//go:build unix

// Package measure runs programs, each in a process of its own, and says what they took:
// the time of CPUs, the time that passed, and the memory at the peak.
//
// In go programs, out come the costs of each, one for each round:
//
//	programs := []*measure.Program{
//		{Name: "clearhop", Args: []string{"build/clearhop", "enrich", "access.log"}},
//		{Name: "wc", Args: []string{"wc", "-l", "access.log"}},
//	}
//	measure.Rounds(ctx, programs, 5, nil)
//	ratio := measure.RatioOf(programs[0].Costs, programs[1].Costs, measure.CPU)
//
// In each round every program runs once, so that other work on the machine slows all of
// them alike. That is why a ratio is taken within a round, and the median over the rounds.
// A single figure says little on a machine that does other work too.
//
// A program that cannot be run, or that fails, does not end the rounds: Program.Missing
// then says why it has no costs, and whoever prints a table prints that.
//
// # What is counted
//
// The system counts the time and the memory of a process, with all processes that it
// has waited for. Linux counts the memory of whoever starts a process into the peak of
// that process, so a peak below that of this process cannot be seen: [Floor] says what
// that is. Keep the process small that calls Run.
//
// # Concurrency
//
// Nothing here is safe for concurrent use, and a program that is measured beside another
// one tells nothing.
package measure
