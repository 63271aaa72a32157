// Package clearhop_test holds the tree as a whole to its layout and its
// documentation.
package clearhop_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clearhop/internal/buildtest"
)

// mayImport says which of our packages each room may import, directly. A room
// is a folder with all below it unless a deeper one is listed; "name/" allows
// all below name.
var mayImport = map[string][]string{
	"verdict":                    {},
	"record":                     {"verdict"},
	"decode":                     {"record", "internal/jsonscan"},
	"internal/jsonscan":          {},
	"parser":                     {"record", "internal/setting"},
	"parser/infer":               {"parser", "record"},
	"encode":                     {"record", "verdict", "internal/jsonscan"},
	"encode/parquet":             {"encode"},
	"encode/accesslog":           {"record", "verdict", "parser"}, // parser reads what it writes: both go by one table of variables
	"sink":                       {"sink"},
	"enrich":                     {"record", "verdict", "enrich/clientip", "enrich/geoip", "enrich/useragent"},
	"enrich/clientip":            {"record", "verdict", "internal/setting"},
	"enrich/geoip":               {"record", "internal/setting"},
	"privacy":                    {"record", "internal/address", "internal/setting"},
	"rule":                       {"record", "verdict", "internal/setting"},
	"aws":                        {}, // its tests join the rooms below with the pipeline
	"enrich/useragent":           {"enrich/useragent/internal/"},
	"enrich/useragent/internal":  {"enrich/useragent/internal/"},
	"enrich/useragent/uapcore":   {},
	"aws/account":                {},
	"aws/query":                  {"aws/account"},
	"aws/nlb":                    {"record", "aws/query"},
	"diagnose":                   {"record", "verdict", "enrich/clientip", "internal/address", "internal/terminal"},
	"aws/smoke":                  {"analytics", "aws/account", "aws/athena", "aws/query", "aws/stack", "encode/accesslog", "parser", "pipeline", "record"},
	"aws/stack":                  {"aws/query"},
	"aws/subscription":           {"aws/account"},
	"aws/loggroup":               {"record", "decode", "aws/account"},
	"aws/object":                 {},
	"aws/athena":                 {"analytics", "encode", "aws/account"},
	"pipeline":                   {"record", "verdict", "decode/envelope", "parser", "parser/infer", "enrich", "enrich/clientip", "enrich/geoip", "privacy", "rule", "encode", "encode/accesslog", "internal/setting"},
	"analytics":                  {"encode", "record", "verdict"},
	"analytics/store":            {"analytics", "decode", "encode", "internal/jsonscan", "internal/setting", "record"},
	"chain":                      {},
	"nginxconf":                  {},
	"hop":                        {"nginxconf", "enrich/clientip"},
	"check":                      {"nginxconf", "hop", "record", "verdict", "enrich/clientip", "parser", "pipeline", "diagnose", "internal/terminal"},
	"dashboard":                  {"analytics", "diagnose", "verdict"},
	"dashboard/snapshot":         {"analytics", "dashboard"},
	"dashboard/browsertest":      {"analytics", "analytics/store", "dashboard", "dashboard/snapshot", "dashboard/dashboardtest"},
	"dashboard/dashboardtest":    {"analytics", "dashboard", "internal/traffic", "verdict"},
	"internal/traffic":           {"encode", "record", "verdict"},
	"internal/chaintest":         {"chain"},
	"internal/tools/samples":     {"chain"},
	"internal/tools/picture":     {"chain"},
	"internal/tools/report":      {"analytics", "analytics/store", "internal/measure"},
	"internal/tools/compare":     {"chain", "internal/lambdatest", "internal/measure"},
	"internal/tools/duckdb":      {},
	"internal/measure":           {},
	"internal/tools/release":     {},
	"internal/tools/makedb":      {"enrich/geoip"},
	"internal/tools/uarules":     {"enrich/useragent/uapcore"},
	"internal/tools/deploy":      {"aws/account", "aws/nlb", "aws/query", "aws/smoke", "aws/stack", "aws/subscription", "functions/delivery", "aws/stored", "internal/setting", "internal/template", "internal/terminal", "pipeline"},
	"internal/tools/invoke":      {"internal/lambdatest"},
	"internal/tools/cost":        {"internal/lambdatest", "internal/price"},
	"internal/tools/example":     {"internal/template"},
	"internal/tools/eventcode":   {},
	"deploy":                     {}, // the tests of template.yaml, which also write the dashboards beside them
	"release":                    {}, // the tests of .goreleaser.yaml and of what it makes
	"feed":                       {"decode", "pipeline", "record"},
	"feed/position":              {"decode"},
	"internal/terminal":          {},
	"internal/terminal/progress": {"internal/terminal"},
	"internal/lock":              {},
	"cmd":                        {"decode", "feed", "internal/setting", "internal/terminal", "internal/terminal/progress", "privacy", "record", "verdict", "pipeline", "sink", "sink/", "parser", "parser/infer", "rule", "encode", "encode/accesslog", "enrich/clientip", "enrich/geoip", "enrich/useragent", "aws/athena", "aws/loggroup", "aws/object", "aws/subscription", "backfill", "delivery", "diagnose", "aws/nlb", "analytics", "analytics/store", "dashboard", "dashboard/snapshot", "aws/smoke", "aws/stack", "redrive", "aws/account", "check", "nginxconf", "feed/position", "aws/stored", "internal/lock"},
	"redrive":                    {"decode", "delivery", "encode", "pipeline", "sink", "sink/deadletter"},
	"delivery":                   {"sink", "sink/", "aws/object"},
	"backfill":                   {"record", "decode", "feed", "pipeline", "delivery", "sink", "sink/retry", "aws/loggroup", "aws/object", "internal/price"},
	"functions":                  {"record", "pipeline", "delivery", "sink", "functions/"},
	"functions/geoupdate":        {"functions/environment", "functions/delivery", "functions/geoupdate/update"},
	"functions/diagnosis":        {"functions/environment", "functions/delivery", "aws/stored", "functions/diagnosis/watch", "aws/nlb"},
	"functions/diagnosis/watch":  {"record", "verdict", "pipeline", "diagnose", "enrich/clientip", "privacy", "aws/object", "internal/terminal"},
	"functions/geoupdate/update": {"enrich/geoip", "functions/geoupdate/unpack"},
	"functions/geoupdate/unpack": {},
	"internal/mmdbtest":          {},
	"internal/buildtest":         {},
	"internal/payloadtest":       {"internal/buildtest", "internal/chaintest"},
	"internal/address":           {},
	"internal/setting":           {},
	"internal/price":             {},
	"internal/samtest":           {},
	"internal/template":          {"internal/setting"},
	"sink/retry":                 {},
	"sink/internal/batchput":     {"sink", "sink/retry", "encode"},
	"sink/firehose":              {"sink", "sink/retry", "sink/internal/", "encode"}, // rows of Iceberg tables
	"sink/kinesis":               {"sink", "sink/retry", "sink/internal/"},
	"sink/sqs":                   {"sink", "sink/retry", "sink/internal/"},
	"sink/s3":                    {"sink", "sink/retry", "encode/parquet"},
	"sink/deadletter":            {"sink"},
	"internal/jsontest":          {},
	"internal/mototest":          {},
	"internal/modeltest":         {"enrich/clientip"},
	"internal/golden":            {},
	"internal/nginxtest":         {},
	"internal/lambdatest":        {"internal/buildtest"},
	"functions/environment":      {"internal/setting"},
	"aws/stored":                 {"aws/object"},
	"functions/delivery":         {"record", "verdict", "decode", "pipeline", "rule", "delivery", "enrich/geoip", "functions/environment", "aws/stored", "aws/nlb", "aws/object", "sink", "sink/retry"},
	"functions/handler":          {"record", "pipeline", "delivery", "sink", "functions/delivery"},
	"internal/awstest":           {},
	"internal/firehosetest":      {"internal/awstest"},
	"internal/kinesistest":       {"internal/awstest"},
	"internal/sqstest":           {"internal/awstest"},
	"internal/s3test":            {"internal/awstest"},
	"internal/chaos":             {}, // its tests join the rooms above
	"internal/sinktest":          {"sink"},
	"internal/deadlettertest":    {"sink", "sink/deadletter"},
	"internal/logstest":          {},
	"internal/trinotest":         {"analytics", "encode"},
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

// TestFuzzersBuildNoSDK: the fuzzer compiles all that a package's tests import
// again, with its instrumentation. The clients of the AWS SDK take longer than all
// the rest: that of EC2 alone takes ten minutes. net/http is the largest package of the
// standard library. Only the library that writes Parquet cannot do without it.
func TestFuzzersBuildNoSDK(t *testing.T) {
	const format = `{{.ImportPath}}|{{.Dir}}|{{join .Deps " "}}`
	out, err := exec.Command("go", "list", "-test", "-f", format, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	sdk := regexp.MustCompile(`github\.com/aws/\S+`)
	found := 0
	for line := range strings.Lines(string(out)) {
		part := strings.Split(line, "|")
		pkg, isTest := strings.CutSuffix(part[0], ".test")
		if !isTest || !hasFuzzTarget(t, part[1]) {
			continue
		}
		found++
		if packages := sdk.FindAllString(part[2], -1); len(packages) > 0 {
			t.Errorf("the fuzz targets of %s build %s", pkg, strings.Join(packages, ", "))
		}
		if pkg != "clearhop/encode/parquet" && slices.Contains(strings.Fields(part[2]), "net/http") {
			t.Errorf("the fuzz targets of %s build net/http", pkg)
		}
	}
	if found < 10 {
		t.Errorf("only %d packages have a fuzz target", found)
	}
}

// hasFuzzTarget reports whether a test file of the folder has a fuzz target.
func hasFuzzTarget(t *testing.T, folder string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\nfunc Fuzz")) {
			return true
		}
	}
	return false
}

// TestLambdaStaysInFunctions: what the command may use, such as delivery, must not
// bring Lambda's runtime with it.
func TestLambdaStaysInFunctions(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./delivery", "./cmd/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dependency := range strings.Lines(string(out)) {
		if strings.HasPrefix(dependency, "github.com/aws/aws-lambda-go") || strings.HasPrefix(dependency, "clearhop/functions") {
			t.Errorf("delivery or the command depends on %s", dependency)
		}
	}
}

// TestNoFunctionLinksDuckDB: DuckDB is C++ and large. The functions are built without
// cgo and must start fast, so only the command has it.
func TestNoFunctionLinksDuckDB(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./functions/...", "./delivery", "./pipeline", "./feed", "./analytics")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // with it, DuckDB would be there
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dependency := range strings.Lines(string(out)) {
		if strings.Contains(dependency, "duckdb") || strings.HasPrefix(dependency, "clearhop/analytics/store") {
			t.Errorf("a package besides the command depends on %s", dependency)
		}
	}
}

// TestOnlyTheCommandHasDuckDB: without cgo the command is built too, and has no DuckDB.
func TestOnlyTheCommandHasDuckDB(t *testing.T) {
	for _, cgo := range []string{"0", "1"} {
		cmd := exec.Command("go", "list", "-deps", "./cmd/clearhop")
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(out), "github.com/duckdb/"); has != (cgo == "1") {
			t.Errorf("with CGO_ENABLED=%s the command has DuckDB: %t", cgo, has)
		}
	}
}

// TestPlainBuild: the command is built by go build alone, so what it embeds
// and what is generated must be committed.
func TestPlainBuild(t *testing.T) {
	buildtest.Program(t, buildtest.Config{Package: "clearhop/cmd/clearhop"})
}
