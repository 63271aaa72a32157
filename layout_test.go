// Package clearhop_test holds the tree as a whole to its layout and its
// documentation.
package clearhop_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport says which of our packages each room may import, directly. A room
// is a folder with all below it unless a deeper one is listed; "name/" allows
// all below name.
var mayImport = map[string][]string{
	"verdict":                    {},
	"record":                     {"verdict"},
	"decode":                     {"record", "decode/internal/"},
	"decode/internal/jsonscan":   {},
	"parser":                     {"record"},
	"encode":                     {"record", "verdict"},
	"encode/parquet":             {"encode"},
	"sink":                       {"sink"},
	"enrich":                     {"record", "verdict", "enrich/clientip", "enrich/geoip", "enrich/useragent"},
	"enrich/clientip":            {"record", "verdict"},
	"enrich/geoip":               {"record"},
	"enrich/geoip/makedb":        {"enrich/geoip"},
	"enrich/useragent":           {"enrich/useragent/"},
	"privacy":                    {"record"},
	"rule":                       {"record", "verdict"},
	"aws/nlb":                    {},
	"diagnose":                   {"record", "verdict", "enrich/clientip"},
	"aws/subscription":           {},
	"aws/object":                 {},
	"pipeline":                   {"record", "verdict", "decode/envelope", "parser", "enrich", "enrich/clientip", "enrich/geoip", "privacy", "rule", "encode", "aws/nlb", "aws/object"},
	"analytics":                  {"encode"},
	"chain":                      {},
	"deploy":                     {}, // the tests of template.yaml
	"cmd":                        {"record", "verdict", "feed", "pipeline", "internal/terminal", "sink", "sink/", "parser", "encode", "enrich/clientip", "enrich/geoip", "aws/subscription", "diagnose", "aws/nlb"},
	"feed":                       {"decode", "pipeline", "record"},
	"functions":                  {"record", "pipeline", "decode", "sink", "sink/", "functions/", "aws/object"},
	"functions/geoupdate":        {"functions/environment", "functions/delivery", "functions/geoupdate/update"},
	"functions/geoupdate/update": {"enrich/geoip"},
	"internal/mmdbtest":          {},
	"internal/payloadtest":       {},
	"internal/samtest":           {},
	"internal/terminal":          {},
	"sink/retry":                 {},
	"sink/internal/batchput":     {"sink", "sink/retry", "encode"},
	"sink/internal/standin":      {},
	"sink/firehose":              {"sink", "sink/retry", "sink/internal/"},
	"sink/kinesis":               {"sink", "sink/retry", "sink/internal/"},
	"sink/sqs":                   {"sink", "sink/retry", "sink/internal/"},
	"sink/s3":                    {"sink", "sink/retry", "encode/parquet"},
	"sink/deadletter":            {"sink"},
	"internal/mototest":          {},
	"internal/golden":            {},
	"internal/nginxtest":         {},
	"internal/lambdatest":        {"internal/lambdatest"},
	"functions/environment":      {},
	"functions/delivery":         {"record", "verdict", "decode", "pipeline", "enrich/clientip", "enrich/geoip", "functions/environment", "aws/object", "sink", "sink/"},
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "clearhop/"
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg, inside := strings.CutPrefix(words[0], module)
		if !inside {
			continue // the root holds tests only
		}
		room := pkg
		allowed, known := mayImport[room]
		for !known && strings.Contains(room, "/") {
			room = room[:strings.LastIndex(room, "/")]
			allowed, known = mayImport[room]
		}
		if !known {
			t.Errorf("%s belongs to no room of mayImport", pkg)
			continue
		}
		for _, imported := range words[1:] {
			name, ours := strings.CutPrefix(imported, module)
			if !ours || slices.ContainsFunc(allowed, func(a string) bool {
				return a == name || strings.HasSuffix(a, "/") && strings.HasPrefix(name, a)
			}) {
				continue
			}
			t.Errorf("%s may not import %s", pkg, name)
		}
	}
}

// TestPlainBuild: the command is built by go build alone, so what it embeds
// and what is generated must be committed.
func TestPlainBuild(t *testing.T) {
	if out, err := exec.Command("go", "build", "-o", t.TempDir()+"/clearhop", "./cmd/clearhop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
