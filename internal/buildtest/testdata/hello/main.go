// Command hello prints a word.
package main

import "fmt"

var word = "hello"

func main() { fmt.Println(word) }
