// Package useragent reads the value of a User-Agent header: the browser, the
// operating system, the device, and whether a program sent it.
//
// In go the bytes of the header as they were sent, whatever they are. Out comes a
// [Result]. Call [NewRules] once, and give each goroutine a [Parser] of its own:
//
//	rules := useragent.NewRules()
//	parser := rules.NewParser() // in each goroutine
//	result := parser.Parse(header)
//
// The rules are those of uap-core. Many programs in other languages use them too,
// so names can be compared. docs/decisions/useragent.md says why, and
// uapcore/README.md has the version and says how to update it.
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
// What is not known is empty. The words that uap-core uses for that ("Other",
// "Generic Smartphone") never appear, and neither does "Spider": Bot says it.
// A program that uap-core does not know gets the name that it gives itself, if
// that has the form of a name. Bytes that are not UTF-8 are read as U+FFFD.
//
// # Bots
//
// Bot answers the question which requests to leave out when visitors are counted.
// It is set for everything that is not a person's browser or app: crawlers, link
// previews, feed readers on servers, monitors, health checks, scanners and
// browsers that a script drives. It is also set for libraries and tools such as
// curl and python-requests, whoever runs them. A header counts as a bot's
//
//   - if uap-core calls it a spider,
//   - if it holds a name or word of bots (bots.go), or a web address, which bots
//     give for their owner and browsers do not, or
//   - if no browser, system or device is known in it: Jorgee, Hello World. A
//     program made such a header.
//
// okhttp, CFNetwork and Dalvik are no bots, because apps on phones send them. A
// header that is missing or not text is no bot either: it says nothing. Bot
// repeats what the header says and no more. A bot that calls itself Chrome counts
// as Chrome, and anybody can claim to be Googlebot. The system and device of a bot
// are those that it names; Googlebot names Android 6.0.1.
//
// # Reading the statistics
//
// Browsers leave out some facts on purpose:
//
//   - Windows 11 calls itself Windows 10 (Chrome, Edge and Firefox). They cannot
//     be told apart.
//   - Every Mac says at most 10.15.7, or 10.15 in Firefox, also under macOS 11
//     and later. An iPad says that it is a Mac unless a page was asked for in its
//     mobile form.
//   - Safari 26 on an iPhone says iOS 18.6, whichever iOS it is on.
//   - Chrome has given only its major version since 101. Since 110 every Android
//     phone is "Android 10; K": OSVersion is 10 and DeviceName is empty.
//   - Brave and many others say that they are Chrome.
//
// # Cost
//
// Each parser has a cache of up to 2048 user agents, of which it reads the first
// [MaxInput] bytes. The cache takes at most 3 MiB, for ordinary headers 0.6 MiB,
// and does not grow with what is sent. An answer from the cache allocates nothing.
//
// Most user agents that are new are a known one with another version. A second cache
// keeps, for 4096 texts with their digits masked, which rules match and which digits they
// depend on (shape.go). If the new text differs in other digits only, only its names and
// versions are cut out of it. This takes about a tenth of the time. The second cache takes
// at most 6 MiB, for ordinary headers 1.6 MiB.
//
// A user agent that is in neither cache asks automata which rules match
// (internal/automaton), and package regexp for the names in the one that does. Their
// tables are built while they are used. They take about 5 MiB for each parser, about 10 MB
// in the worst case, and those that were not used for the longest time are dropped. A user
// agent that asks for more new parts of them than it may is answered by package regexp, in
// linear time, but for the large expressions for which that is slower than to build. For one user agent the automata read at most filtered.MaxTried
// bytes, which is more than any user agent of the tests takes. A name that is not found
// within that is left out. Each expression is compiled when it is first needed, and all
// of them together take about 5 MiB, once per process.
package useragent
