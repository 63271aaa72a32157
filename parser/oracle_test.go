package parser

import (
	"clearhop/internal/nginxtest"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var oracleSeed = flag.Uint64("seed", 20261122, "seed of the log_formats that TestOracle makes")

// oracleFormats is how many random log_formats TestOracle lets nginx write.
const oracleFormats = 48

// clientSays are the variables that contain what a client sent. Their values can have
// any bytes, so only a quote or a byte that no request contains can end them.
var clientSays = strings.Fields(`remote_user request request_uri uri args http_referer http_user_agent
	http_x_forwarded_for http_x_real_ip http_host http_x_foo cookie_sid arg_q host request_method server_protocol
	sent_http_content_type trailing the_real_ip`)

// composites are variables with nothing between them, as people log a whole URL.
var composites = [][]string{
	{"scheme", "://", "host", "request_uri"},
	{"host", "uri"},
	{"uri", "is_args", "args"},
	{"server_port", "request_uri"},
	{"server_name", "request_uri"},
	{"host", ":", "server_port", "request_uri"},
	{"http_host", "request_uri"},
	{"status", "request_method", "uri", "is_args", "args"},
	{"remote_addr", "uri"},
}

// randomComposite returns the text of a composite without variables that are in
// taken, or "". It adds the variables to taken.
func randomComposite(random *rand.Rand, taken *[]string) string {
	var b strings.Builder
	for _, name := range composites[random.IntN(len(composites))] {
		switch {
		case strings.HasPrefix(name, ":"):
			b.WriteString(name)
			continue
		case slices.Contains(*taken, name):
			return ""
		}
		b.WriteString("$" + name)
		*taken = append(*taken, name)
	}
	return b.String()
}

// randomFormat makes a log_format of random variables, separators and escapes
// that can be read back.
func randomFormat(random *rand.Rand, i int) string {
	escape := []Escape{EscapeDefault, EscapeJSON, EscapeNone}[i%3]
	variables := slices.Clone(twinVariables)
	random.Shuffle(len(variables), func(a, b int) { variables[a], variables[b] = variables[b], variables[a] })
	var taken []string
	composite := randomComposite(random, &taken)
	variables = variables[:4+random.IntN(18)]
	variables = slices.DeleteFunc(variables, func(name string) bool { return slices.Contains(taken, name) })
	if slices.Contains(variables, "request") {
		// These fill the same fields as $request, and where nginx could not
		// read a request line they differ from it: TestNginx has such formats.
		variables = slices.DeleteFunc(variables, func(name string) bool {
			return name == "request_method" || name == "request_uri" || name == "server_protocol"
		})
	}
	separators := []string{" ", " | ", ";", "\t", " - ", "|", " / ", "  "}
	var b strings.Builder
	for n, name := range variables {
		separator := separators[random.IntN(len(separators))]
		if n > 0 && escape == EscapeNone {
			separator = unitSeparator
		}
		if n > 0 {
			b.WriteString(separator)
		}
		word := "$" + name
		if random.IntN(4) == 0 {
			word = "${" + name + "}"
		}
		switch {
		case escape == EscapeNone:
			b.WriteString(word)
		case slices.Contains(clientSays, name) || strings.HasPrefix(name, "upstream_"), random.IntN(3) == 0:
			b.WriteString(`"` + word + `"`)
		case random.IntN(4) == 0:
			b.WriteString(name + "=" + word)
		default:
			b.WriteString(word)
		}
	}
	switch {
	case escape == EscapeNone:
		b.WriteString(unitSeparator + composite)
	case composite != "":
		b.WriteString(` "` + composite + `"`)
	}
	if random.IntN(3) == 0 && escape != EscapeNone {
		b.WriteString(" end")
	}
	if escape == EscapeNone {
		b.WriteString(recordSeparator)
	}
	return fmt.Sprintf("log_format random_%d escape=%s %s;", i, escape, confString(b.String()))
}

// TestOracle lets nginx write random log formats. It compares every parsed value with
// what the client sent and what nginx logged in another format.
func TestOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(*oracleSeed, 0))
	dir := t.TempDir()
	twinText := "$" + strings.Join(twinVariables, unitSeparator+"$") + recordSeparator
	conf := "log_format twin_bytes escape=none " + confString(twinText) + ";\n" +
		"log_format twin_presence " + confString(twinText) + ";\n" +
		"access_log " + dir + "/twin_bytes.log twin_bytes;\n" +
		"access_log " + dir + "/twin_presence.log twin_presence;\n"
	var formats []*Format
	refused := 0
	for len(formats) < oracleFormats {
		directive := randomFormat(random, len(formats))
		f, err := Compile(directive)
		if err != nil {
			// Numbers and lists behind some separators cannot be told apart,
			// and Compile says so; few of the formats may be such.
			refused++
			continue
		}
		formats = append(formats, f)
		conf += directive + "\naccess_log " + filepath.Join(dir, f.Name()+".log") + " " + f.Name() + ";\n"
	}
	if refused > oracleFormats {
		t.Errorf("%d formats were refused", refused)
	}
	addrs := startNginx(t, dir, conf)
	lines := 0
	for _, s := range shots() {
		nginxtest.Fire(t, addrs[s.to], s.send)
		lines += s.lines
	}
	twins := readTwins(t, dir, lines)
	values := 0
	for _, f := range formats {
		end := "\n"
		if f.Escape() == EscapeNone {
			end = recordSeparator + "\n"
		}
		for i, line := range nginxtest.Await(t, filepath.Join(dir, f.Name()+".log"), end, lines) {
			checkWitness(t, f, line, twins[i])
			values += len(f.Variables())
		}
	}
	t.Logf("seed %d: %d values of %d lines in %d formats hold; %d formats were refused", *oracleSeed, values, lines, len(formats), refused)
}
