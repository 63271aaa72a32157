package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// makeFormula prints the formula that Homebrew installs the archives by. url is the folder
// where they will be.
func makeFormula(version, folder, url string) error {
	text, err := formula(version, folder, url)
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(text)
	return err
}

func formula(version, folder, url string) (string, error) {
	var b strings.Builder
	b.WriteString(`class Clearhop < Formula
  desc "Puts the true client address back into nginx logs behind an AWS NLB"
`)
	fmt.Fprintf(&b, "  version %q\n  license %q\n", version, licenceID)
	for _, system := range [][2]string{{"macos", "darwin"}, {"linux", "linux"}} {
		fmt.Fprintf(&b, "\n  on_%s do\n", system[0])
		for _, cpu := range [][2]string{{"intel", "amd64"}, {"arm", "arm64"}} {
			name := fmt.Sprintf("clearhop_%s_%s_%s.tar.gz", version, system[1], cpu[1])
			data, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "    on_%s do\n      url \"%s/%s\"\n      sha256 \"%x\"\n    end\n",
				cpu[0], strings.TrimSuffix(url, "/"), name, sha256.Sum256(data))
		}
		b.WriteString("  end\n")
	}
	b.WriteString(`
  def install
    bin.install "clearhop"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/clearhop.bash" => "clearhop"
    zsh_completion.install "completions/clearhop.zsh" => "_clearhop"
    fish_completion.install "completions/clearhop.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/clearhop version")
  end
end
`)
	return b.String(), nil
}
