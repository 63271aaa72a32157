// Package useragent tells the browser, the operating system, the device and
// whether it is a bot from the value of a User-Agent header.
//
// What goes in are the bytes of the header as they were sent, whatever they
// are; what comes out is a [Result]. [NewRules] is called once, and each
// goroutine has a [Parser] of its own:
//
//	rules := useragent.NewRules()
//	parser := rules.NewParser() // in each goroutine
//	result := parser.Parse(header)
//
// The rules are those of uap-core, which many programs in other languages use
// too, so that their names can be compared. See docs/decisions/useragent.md for
// why, and uapcore/README.md for the version and how to take a newer one.
//
// # Results
//
//	header                        Name                    OSName    DeviceName  Bot
//	Safari on an iPhone           Mobile Safari 17.2      iOS       iPhone
//	Chrome on Windows             Chrome 120.0.0          Windows
//	Googlebot                     Googlebot 2.1                                 yes
//	curl/7.54.0                   curl 7.54.0                                   yes
//	Slackbot-LinkExpanding 1.0    Slackbot-LinkExpanding 1.0                    yes
//	ELB-HealthChecker/2.0         ELB-HealthChecker 2.0                         yes
//	okhttp/4.12.0                 okhttp 4.12.0
//	empty, "-"
//	bytes that are no text
//
// What is not known is empty. The words that uap-core has for that ("Other",
// "Generic Smartphone") never appear, and neither does "Spider": Bot says it.
// A program that uap-core does not know has the name it gives itself, if it
// has the form of one. Bytes that are not UTF-8 are read as U+FFFD.
//
// # Bots
//
// Bot is set for everything that is not a person's browser or app: crawlers,
// link previews, feed readers on servers, monitors, health checks, scanners,
// browsers driven by a script, and also libraries and tools such as curl and
// python-requests, whoever runs them: the question that Bot answers is how many
// requests to leave out when visitors are counted. It rests on
//
//   - what uap-core calls a spider,
//   - names and words of bots (bots.go), and a web address in the header, which
//     bots give for their owner and browsers do not, and
//   - that a header in which neither a browser nor a system nor a device is
//     known was made by a program: Jorgee, Hello World.
//
// okhttp, CFNetwork and Dalvik are no bots: apps on phones send them. A header
// that is missing or not text is none either: it says nothing. And it is what
// the header says, no more: a bot that calls itself Chrome counts as Chrome, and
// anybody may call himself Googlebot. A bot's system and device are those that
// it names, for Googlebot an Android 6.0.1.
//
// # Reading the statistics
//
// Browsers tell less than they seem to, on purpose:
//
//   - Windows 11 calls itself Windows 10 (Chrome, Edge and Firefox); there is
//     no telling them apart.
//   - Every Mac says at most 10.15.7, or 10.15 in Firefox, also under macOS 11
//     and later; and an iPad says that it is a Mac unless a page was asked for
//     in its mobile form.
//   - Safari 26 on an iPhone says iOS 18.6, whichever iOS it is on.
//   - Chrome has given only its major version since 101, and since 110 every
//     Android phone is "Android 10; K": OSVersion is 10, DeviceName empty.
//   - Brave and many others say that they are Chrome.
//
// # Cost
//
// Each parser remembers up to 2048 user agents, of which it reads the first
// [MaxInput] bytes; its memory is at most 3 MiB, for ordinary headers 0.6 MiB,
// and does not grow with what is sent. A remembered one costs no allocation.
// The rules' expressions run in linear time; each is compiled when it is first
// needed, and all of them together take about 5 MiB, once per process.
package useragent
