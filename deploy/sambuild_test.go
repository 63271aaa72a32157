//go:build sam

package deploy_test

import (
	"bytes"
	"debug/elf"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"clearhop/internal/mototest"

	"go.yaml.in/yaml/v3"
)

// The tag sam keeps this file out of an ordinary go test: four functions for another
// machine take minutes to compile anew, and the layer needs npm and the network. make
// package-test runs it, and make test compiles it.

// TestSAMBuilds: sam build of a clean tree makes what a deployment uploads, without npm
// unless the layer is wanted.
func TestSAMBuilds(t *testing.T) {
	for _, layer := range []string{"no", "yes"} {
		t.Run("GEOIP_LAYER="+layer, func(t *testing.T) {
			tree := cleanTree(t)
			build := sam(t, tree, "build")
			build.Env = append(build.Env, "GEOIP_LAYER="+layer)
			if layer == "no" {
				build.Env = append(build.Env, "PATH="+without(t, "npm"))
			}
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			built := filepath.Join(tree, ".aws-sam", "build")
			for _, name := range functions(t) {
				holdOnly(t, filepath.Join(built, name), "bootstrap")
				f, err := elf.Open(filepath.Join(built, name, "bootstrap"))
				if err != nil {
					t.Fatal(err)
				}
				if f.Machine != elf.EM_AARCH64 {
					t.Errorf("%s is built for %v, and the template says arm64", name, f.Machine)
				}
				f.Close()
			}
			if layer == "no" {
				holdOnly(t, filepath.Join(built, "GeoIPLayer", "geoip"), "README")
			} else {
				holdOnly(t, filepath.Join(built, "GeoIPLayer", "geoip"), "ATTRIBUTION.txt", "asn.mmdb", "country.mmdb")
			}
		})
	}
}

// holdOnly checks what a folder holds.
func holdOnly(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %v, want %v", folder, got, want)
	}
}

// without returns a PATH on which a program fails.
func without(t *testing.T, program string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\necho "+program+" was called >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder + string(os.PathListSeparator) + os.Getenv("PATH")
}

// TestSAMDeploys: make deploy of a clean tree, against moto. Everything is real up to the
// change set: the look at the account, the log group and the NLB, sam build, and sam deploy with
// its uploads to S3. Moto knows no SAM and creates no change set, so the parameters are
// compared with what the SAM CLI gives to CloudFormation, and the deployment fails there.
func TestSAMDeploys(t *testing.T) {
	endpoint := mototest.Start(t)
	bucket := mototest.NewBucket(t, endpoint, stackRegion, "uploads")
	mototest.AddLogGroup(t, endpoint, stackRegion, "/ecs/web")
	mototest.NewNetwork(t, endpoint, stackRegion, "10.16.1.0/24").AddInterface("ELB net/shop-edge/0123456789abcdef", "10.16.1.11")
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	moto := httputil.NewSingleHostReverseProxy(target)
	asked := make(chan url.Values, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/cloudformation/") {
			moto.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}
		if form.Get("Action") != "CreateChangeSet" {
			r.Body = io.NopCloser(bytes.NewReader(body))
			moto.ServeHTTP(w, r)
			return
		}
		asked <- form
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "<ErrorResponse><Error><Code>ValidationError</Code><Message>The test ends here.</Message></Error></ErrorResponse>")
	}))
	defer proxy.Close()

	tree := cleanTree(t)
	const format = `log_format x '$remote_addr - $remote_user [$time_local] "$request" $status "a\ b" "\"c" $request_time';`
	const pattern = `"a b" \"c\ 'd'\`
	text, err := yaml.Marshal(map[string]any{
		"StackName": "clearhop", "UploadBucket": "uploads", "LogGroupName": "/ecs/web", "DiscoverNLB": "discover:shop-edge",
		"Trusted": []string{"10.16.1.16/28", "10.16.2.16/28"}, "LogFormat": format, "FormatFor": "/ecs/*=main\n/eks/*=combined\n",
		"FilterPattern": pattern,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "stack.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	run := sam(t, tree)
	run.Path, run.Args = makeProgram(t), []string{"make", "deploy", "ASK=no"}
	run.Env = append(run.Env, "AWS_ENDPOINT_URL="+proxy.URL)
	out, err := run.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("The test ends here.")) {
		t.Fatalf("%v\n%s", err, out)
	}
	form := <-asked
	got := map[string]string{}
	for i := 1; form.Has("Parameters.member." + strconv.Itoa(i) + ".ParameterKey"); i++ {
		member := "Parameters.member." + strconv.Itoa(i)
		got[form.Get(member+".ParameterKey")] = form.Get(member + ".ParameterValue")
	}
	for name, want := range map[string]string{
		"LogFormat": format, "FilterPattern": pattern, "Trusted": "10.16.1.16/28,10.16.2.16/28", "FormatFor": "/ecs/*=main\n/eks/*=combined",
		"Road": "subscription", "KinesisShards": "0", "AllLogGroups": "false", "GeoIPSchedule": "rate(12 hours)", "AlarmEmail": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if parameters := len(readTemplate(t).Parameters); len(got) != parameters {
		t.Errorf("%d parameters are given, and the template has %d: CloudFormation would keep the others", len(got), parameters)
	}
	// The functions, the layer and the template.
	if keys := bucket.Keys(); len(keys) != len(functions(t))+2 {
		t.Errorf("uploaded: %v", keys)
	}
}

// functions returns the functions of the template.
func functions(t *testing.T) (names []string) {
	t.Helper()
	for name, r := range readTemplate(t).Resources {
		if r.Type == "AWS::Serverless::Function" {
			names = append(names, name)
		}
	}
	return names
}

// TestSAMBuildsExample: sam build of the example makes the functions of the stack inside it.
func TestSAMBuildsExample(t *testing.T) {
	tree := cleanTree(t)
	build := sam(t, tree, "build", "--template-file", "deploy/example/template.yaml", "--build-dir", "built")
	build.Env = append(build.Env, "GEOIP_LAYER=no")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range functions(t) {
		holdOnly(t, filepath.Join(tree, "built", "Clearhop", name), "bootstrap")
	}
}

// makeProgram returns the path of make.
func makeProgram(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
