package useragent

import (
	_ "embed" // for the rules
	"strings"
	"unicode/utf8"

	"clearhop/enrich/useragent/internal/automaton"
	"clearhop/enrich/useragent/internal/filtered"
)

//go:generate go run clearhop/internal/tools/uarules

//go:embed rules.txt
var rulesFile string

// RulesVersion says which rules of uap-core these are: the commit, and the month in
// which it was uap-core's newest.
const RulesVersion = "uap-core 73e7340c3ed8, October 2026"

// A Result is what a user agent says. A text that is not known is empty; the
// zero Result says nothing at all. All texts are valid UTF-8 without control
// characters, and at most [MaxText] bytes long.
type Result struct {
	Name       string // the browser or program, without version: Chrome Mobile
	Version    string // as far as it is given: 120, 120.0 or 120.0.6099
	OSName     string // iOS
	OSVersion  string // 17.2.1
	DeviceName string // iPhone
	// Bot is set when the user agent says that a program sent the request; see the
	// package comment.
	Bot bool
}

const (
	// MaxInput is how many bytes of a user agent are read; the rest is ignored.
	// The longest of the 18,000 that uap-core collected has 492. The time that a
	// hostile user agent costs grows with its length.
	MaxInput = 512
	// MaxText is how many bytes each text of a Result may have. Longer texts are
	// cut.
	MaxText = 96
)

// Rules are uap-core's rules, ready for use. One value serves the whole process
// and is safe for concurrent use. It keeps the expressions that were compiled.
type Rules struct {
	all                      *filtered.Rules
	browsers, systems, kinds *filtered.List
}

// NewRules takes about a millisecond, since it compiles no expression yet.
func NewRules() *Rules {
	all, err := filtered.Load(rulesFile)
	if err != nil {
		panic("useragent: rules.txt: " + err.Error()) // it is part of the program
	}
	return &Rules{all: all, browsers: all.List("user_agent"), systems: all.List("os"), kinds: all.List("device")}
}

// A Parser reads user agents and has a cache of its answers. One goroutine at a
// time may use it.
type Parser struct {
	rules   *Rules
	cache   cache
	shapes  shapes
	matcher *filtered.Matcher
}

// NewParser returns a parser with an empty cache, which has a fixed size: see
// the package comment.
func (r *Rules) NewParser() *Parser {
	return &Parser{rules: r, cache: newCache(), shapes: newShapes(r.all), matcher: r.all.NewMatcher()}
}

// Parse reads a user agent: the header's value as it was sent. It does not keep
// ua. The result is zero if there was no header, which is logged as nothing or as
// "-".
func (p *Parser) Parse(ua []byte) Result {
	if len(ua) > MaxInput {
		ua = ua[:MaxInput]
	}
	if len(ua) == 0 || (len(ua) == 1 && ua[0] == '-') {
		return Result{}
	}
	hash := p.cache.hash(ua)
	if result, ok := p.cache.get(hash, ua); ok {
		return result
	}
	key := string(ua)
	result := p.parse(key)
	p.cache.put(hash, key, result)
	return result
}

// parse is Parse for a user agent that the cache does not have.
func (p *Parser) parse(ua string) Result {
	text := textOf(ua)
	hash, cacheable := p.shapes.hash(text)
	if !cacheable {
		return p.read(text)
	}
	if found := p.shapes.get(hash, text); found != nil {
		return answer(text, found)
	}
	found := p.match(text)
	if digits, known := p.matcher.Digits(); known {
		p.shapes.put(hash, shape{text: text, digits: digits, matches: found})
	}
	return answer(text, &found)
}

// read is Parse without caches.
func (p *Parser) read(ua string) Result {
	text := textOf(ua)
	found := p.match(text)
	return answer(text, &found)
}

// textOf returns what is read of a user agent. Bytes that are not UTF-8 become U+FFFD, and
// so does the rest of a character inside which the input was cut.
func textOf(ua string) string {
	return strings.TrimSpace(strings.ToValidUTF8(ua, string(utf8.RuneError)))
}

// matches are the rules that match a text.
type matches struct {
	browser, system, device matched
	bot                     bool // its own words name a bot
}

// matched is one of them, with the bounds of its groups. The rule is nil if there is
// none.
type matched struct {
	rule   *filtered.Rule
	groups []int
}

func (p *Parser) match(text string) (m matches) {
	if text == "" {
		return m
	}
	folded := filtered.Fold(text)
	p.matcher.SetText(text, folded)
	m.browser.rule, m.browser.groups = p.matcher.First(p.rules.browsers)
	m.system.rule, m.system.groups = p.matcher.First(p.rules.systems)
	m.device.rule, m.device.groups = p.matcher.First(p.rules.kinds)
	m.bot = p.namesBot(folded)
	return m
}

// answer returns what a text says. Beside the rules that match, it looks at the text
// itself.
func answer(text string, m *matches) Result {
	if text == "" {
		return Result{}
	}
	var result Result
	if rule, groups := m.browser.rule, m.browser.groups; rule != nil {
		result.Name = rule.Fill(0, text, groups)
		result.Version = version(rule, text, groups)
	}
	if rule, groups := m.system.rule, m.system.groups; rule != nil {
		result.OSName = rule.Fill(0, text, groups)
		result.OSVersion = version(rule, text, groups)
	}
	if rule, groups := m.device.rule, m.device.groups; rule != nil {
		result.DeviceName = rule.Fill(0, text, groups)
	}
	result.Bot = isSpider(result) || m.bot ||
		hasBotWord(filtered.Fold(result.Name)) || namesNothing(result, text)
	if isGeneric(result.Name) || isFromURL(result.Name) {
		result.Name, result.Version = product(text)
	}
	if isGeneric(result.OSName) {
		result.OSName, result.OSVersion = "", ""
	}
	if isGeneric(result.DeviceName) {
		result.DeviceName = ""
	}
	for _, s := range []*string{&result.Name, &result.Version, &result.OSName, &result.OSVersion, &result.DeviceName} {
		*s = bounded(*s)
	}
	// A version means nothing without its name.
	if result.Name == "" {
		result.Version = ""
	}
	if result.OSName == "" {
		result.OSVersion = ""
	}
	return result
}

// namesBot is [namesBot] for the text that the matcher has.
func (p *Parser) namesBot(folded string) bool {
	switch p.matcher.Matches(botProgram()) {
	case automaton.Yes:
		return true
	case automaton.No:
		return false
	}
	return namesBot(folded)
}

// version joins the templates behind the first one, up to one that is empty: 120,
// 120.0 or 120.0.6099.
func version(rule *filtered.Rule, text string, groups []int) string {
	var b strings.Builder
	for i := 1; i < len(rule.Templates); i++ {
		part := rule.Fill(i, text, groups)
		if part == "" {
			break
		}
		if i > 1 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

// spider is the device that uap-core gives to programs.
const spider = "Spider"

// isFromURL reports whether uap-core took the name from the web address that an
// unknown bot gives for itself: https://openai.com/bot.
func isFromURL(name string) bool {
	switch name[strings.LastIndexByte(name, '/')+1:] {
	case "bot", "crawler", "robot", "spider":
		return true
	}
	return false
}

// namesNothing reports whether a text could be a program's name, while uap-core
// knows no browser, system or device in it. Browsers and apps name at least one of
// them. Whoever sends such a text wrote a few words into an HTTP library.
func namesNothing(r Result, text string) bool {
	return isGeneric(r.Name) && isGeneric(r.OSName) && isGeneric(r.DeviceName) &&
		isLetter(rune(text[0])) && !strings.ContainsFunc(text, notPrintable)
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// isSpider reports whether uap-core calls it a bot. uap-core has "silk" among its
// bots, which is the name of a crawler and of a browser.
func isSpider(r Result) bool { return r.DeviceName == spider && r.Name != "Amazon Silk" }

// isGeneric reports whether an answer of uap-core only says that it has none.
func isGeneric(s string) bool {
	switch s {
	case "", "Other", spider, "Generic Smartphone", "Generic Tablet", "Generic Feature Phone", "Generic_Android":
		return true
	case "K": // what Chrome on Android says instead of the model
		return true
	}
	return false
}

// product returns the name and version that a program gives itself, for programs
// that uap-core does not know. They stand at the start, as RFC 9110 describes
// (ELB-HealthChecker/2.0, Amazon CloudFront). In a text that starts like a
// browser's they stand behind "compatible;".
func product(text string) (name, version string) {
	if rest, ok := strings.CutPrefix(text, "Mozilla/"); ok {
		_, text, ok = strings.Cut(rest, "compatible; ")
		if !ok {
			return "", ""
		}
	}
	end := strings.IndexAny(text, "/(;)")
	if end < 0 {
		end = len(text)
	}
	name = strings.TrimSpace(text[:end])
	if isGeneric(name) || len(name) > 48 || !isLetter(rune(name[0])) ||
		strings.Count(name, " ") > 2 || strings.ContainsFunc(name, notName) {
		return "", ""
	}
	version, ok := strings.CutPrefix(text[end:], "/")
	if !ok {
		return name, ""
	}
	version = strings.TrimPrefix(version, "v")
	if end := strings.IndexFunc(version, notVersion); end >= 0 {
		version = version[:end]
	}
	if version = strings.Trim(version, "."); len(version) > 24 {
		version = ""
	}
	return name, version
}

func notName(r rune) bool {
	return !isLetter(r) && !('0' <= r && r <= '9') && !strings.ContainsRune("-_.!+: ", r)
}

func notVersion(r rune) bool { return !('0' <= r && r <= '9') && r != '.' }

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// bounded cuts s to MaxText bytes. A text with control characters is no name, so it
// becomes empty.
func bounded(s string) string {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return ""
		}
	}
	if len(s) <= MaxText {
		return s
	}
	end := MaxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
