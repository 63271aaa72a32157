package deploy_test

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What a deployment uploads of a function, in bytes. Lambda takes 50 MB; what is
// unpacked at each cold start is better small.
const zipBudget = 10 << 20

// TestSizes builds each function as sam build does, and holds what is deployed
// to its budget.
func TestSizes(t *testing.T) {
	for _, name := range []string{"Subscriber", "Stream", "Transform", "GeoUpdate", "Diagnosis"} {
		dir := t.TempDir()
		if out, err := exec.Command("make", "-C", "..", "build-"+name+"Function", "ARTIFACTS_DIR="+dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		program, err := os.ReadFile(filepath.Join(dir, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		const aarch64 = 183 // e_machine, the 19th byte of an ELF header
		if !bytes.HasPrefix(program, []byte("\x7fELF")) || program[18] != aarch64 {
			t.Errorf("%s: the bootstrap is no arm64 program: % x", name, program[:20])
		}
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		w, err := z.Create("bootstrap")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(program); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: bootstrap %.1f MB, zip %.1f MB", name, float64(len(program))/1e6, float64(packed.Len())/1e6)
		if packed.Len() > zipBudget {
			t.Errorf("%s: the zip has %d bytes, the budget is %d", name, packed.Len(), zipBudget)
		}
	}
}
