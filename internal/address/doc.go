// Package address finds what names a person in a text: IP addresses in the forms in
// which visitors and programs write them, and mail addresses.
//
//	f, ok := address.Find([]byte("client: 203%2E0.113.9, server"), 0)
//	// f.Addr is 203.0.113.9, and f.Start and f.End are 8 and 21
//
// In goes any text, such as a whole line of a log. Out comes the place of the first
// address from an index on. Nothing is copied and nothing is allocated, and the time
// is in proportion to the length of the text. The functions keep no state and are
// safe for concurrent use.
//
// In doubt a text counts as an address, because the callers hide what is found.
package address
