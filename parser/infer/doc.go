// Package infer finds the log_format of lines that no known format reads.
//
// In go lines of one stream, out comes a Proposal:
//
//	p := infer.LogFormat(lines, infer.Nodes{})
//	if p != nil {
//		fmt.Println(p.Text) // $remote_addr - $remote_user [$time_local] "$request" …
//	}
//
// The values of nginx's variables have telling shapes: a time, a request line, three
// digits of a status, an address, a user agent. The lines are cut into columns of
// equal separators, and a column is named where its values, in all lines, can be
// those of one variable only, or where a key before it says so (rt=0.012).
//
// What that does not prove is not named: such a column is called $unnamed_N, and its
// values go to the event as they are. Addresses are named where position and values
// suggest a variable, and Proposal.Guessed says which names are guesses: an address in
// such a column is never vouched for.
//
// Keys does the same for JSON lines whose keys nobody knows.
//
// All functions look at a sample once per stream, so they may allocate. They keep no
// state and are safe for concurrent use.
package infer
