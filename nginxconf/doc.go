// Package nginxconf reads an nginx.conf as nginx reads it.
//
// In goes the text of a configuration, and a function that opens what it includes. Out
// comes a tree of directives, each with its file, its line and its place in the text:
//
//	c, err := nginxconf.Read("/etc/nginx/nginx.conf")
//	for _, s := range c.Servers() {
//		for _, t := range s.Level.Trusted() {
//			fmt.Println(t.At(), t.Text) // nginx.conf:42 10.16.0.0/16
//		}
//	}
//
// Two layers lie above one another. The tree has every directive as it is written, with
// the included files in their places. The model has what decides about the client's
// address: listeners, levels with nginx's rules of inheritance, upstreams and formats.
//
// What the text does not say is not guessed: a file that is missing, a name that must be
// looked up, code in Lua or JavaScript and variables that a map makes are each an
// [Unknown] with their place.
//
// Memory is bounded by the bounds of a configuration: 1000 files, 16 MiB, includes and
// blocks 16 and 64 deep. A Config shares the texts that it was given and is safe for
// concurrent use as long as nobody changes it.
package nginxconf
