package main

import (
	"fmt"
	"go/doc/comment"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// manualCommand writes the man pages and the completions, for those who make packages. The
// help leaves it out; docs/release.md names it.
type manualCommand struct {
	Folder string `arg:"" help:"The folder to write to. It is made if it is not there."`
}

// Run writes a page for clearhop itself and one for each command that the help lists, as
// man/man1/NAME.1, and completions/clearhop.SHELL. The text is that of the help.
func (c *manualCommand) Run(app *kong.Kong) error {
	files := completions(app.Model.Name)
	for _, node := range append([]*kong.Node{app.Model.Node}, commandsOf(app)...) {
		var page strings.Builder
		(&manual{w: &page, app: app}).write(node)
		files["man/man1/"+pageName(app, node)+".1"] = page.String()
	}
	for name, text := range files {
		path := filepath.Join(c.Folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// completions are the files that turn tab completion on in each shell, by their names.
// They start the program that the shell finds by its name, because a package does not
// know the path.
func completions(name string) map[string]string {
	ask := "complete -o default -o bashdefault -C " + name + " " + name + "\n"
	return map[string]string{
		"completions/" + name + ".bash": ask,
		// zsh reads the file when a word is completed for the first time, and that word
		// too is to be completed.
		"completions/" + name + ".zsh": "#compdef " + name + "\nautoload -U +X bashcompinit && bashcompinit\n" + ask +
			"_bash_complete -o default -o bashdefault -C " + name + "\n",
		"completions/" + name + ".fish": "function __complete_" + name + "\n" +
			"    set -lx COMP_LINE (commandline -cp)\n" +
			"    test -z (commandline -ct)\n" +
			"    and set COMP_LINE \"$COMP_LINE \"\n" +
			"    " + name + "\n" +
			"end\n" +
			"complete -f -c " + name + " -a \"(__complete_" + name + ")\"\n",
	}
}

// commandsOf are the commands that the help lists.
func commandsOf(app *kong.Kong) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(app.Model.Children), func(n *kong.Node) bool { return n.Hidden })
}

func pageName(app *kong.Kong, node *kong.Node) string {
	if node == app.Model.Node {
		return app.Model.Name
	}
	return app.Model.Name + "-" + node.Name
}

// A manual writes pages for man.
type manual struct {
	w   io.Writer
	app *kong.Kong
}

func (m *manual) line(format string, args ...any) { fmt.Fprintf(m.w, format+"\n", args...) }

// write writes the page of one command, or of the program itself.
func (m *manual) write(node *kong.Node) {
	name := pageName(m.app, node)
	m.line(`.\" Written by "clearhop manual" from the help of the command.`)
	m.line(`.TH %s 1 "" "%s"`, strings.ToUpper(escaped(name)), escaped("clearhop "+versionText()))
	about, detail := node.Help, node.Detail
	if node == m.app.Model.Node {
		about, detail, _ = strings.Cut(node.Help, "\n\n")
	}
	m.line(".SH NAME\n%s \\- %s", escaped(name), sentence(strings.TrimSuffix(strings.Join(strings.Fields(about), " "), ".")))
	m.line(".SH SYNOPSIS\n.B %s", escaped(m.app.Model.Name))
	m.line("%s", escaped(strings.TrimPrefix(node.Summary(), m.app.Model.Name+" ")))
	m.line(".SH DESCRIPTION")
	m.text(about + "\n\n" + detail)
	if node == m.app.Model.Node {
		m.line(".SH COMMANDS")
		for _, c := range commandsOf(m.app) {
			m.item(`\fB`+escaped(c.Name)+`\fR`, c.Help)
		}
	}
	if len(node.Positional) > 0 {
		m.line(".SH ARGUMENTS")
		for _, p := range node.Positional {
			m.item(`\fI`+escaped(p.Summary())+`\fR`, kong.DefaultHelpValueFormatter(p))
		}
	}
	m.options(node)
	m.seeAlso(node)
}

// options writes the flags of a command in the order of its help: those without a group
// first.
func (m *manual) options(node *kong.Node) {
	m.line(".SH OPTIONS")
	var flags []*kong.Flag
	for _, group := range node.AllFlags(true) {
		flags = append(flags, group...)
	}
	title := ""
	for _, flag := range flags {
		if g := flag.Group; g != nil && g.Title != title {
			title = g.Title
			m.line(".SS %s", escaped(title))
		}
		m.item(m.flag(flag), kong.DefaultHelpValueFormatter(flag.Value))
	}
}

// flag is how a flag is written on the command line.
func (m *manual) flag(flag *kong.Flag) string {
	text := `\fB` + escaped("--"+flag.Name) + `\fR`
	if flag.Short != 0 {
		text = `\fB` + escaped("-"+string(flag.Short)) + `\fR, ` + text
	}
	if !flag.IsBool() {
		text += `=\fI` + escaped(flag.FormatPlaceHolder()) + `\fR`
	}
	return text
}

func (m *manual) seeAlso(node *kong.Node) {
	var others []string
	for _, other := range append([]*kong.Node{m.app.Model.Node}, commandsOf(m.app)...) {
		if other != node {
			others = append(others, `\fB`+escaped(pageName(m.app, other))+`\fR(1)`)
		}
	}
	m.line(".SH SEE ALSO\n%s", strings.Join(others, ",\n"))
}

// item writes a term with its text below it.
func (m *manual) item(term, text string) { m.line(".TP\n%s\n%s", term, sentence(text)) }

// text writes paragraphs, and as they are the parts that are indented, such as examples:
// the help is formatted by the same rules.
func (m *manual) text(text string) {
	var parser comment.Parser
	for _, block := range parser.Parse(text).Content {
		switch b := block.(type) {
		case *comment.Code:
			m.line(".PP\n.nf\n.RS 4")
			for l := range strings.Lines(b.Text) {
				m.line("%s", sentence(strings.TrimSuffix(l, "\n")))
			}
			m.line(".RE\n.fi")
		default:
			text := (&comment.Printer{TextWidth: -1}).Text(&comment.Doc{Content: []comment.Block{b}})
			m.line(".PP")
			for l := range strings.Lines(strings.TrimSpace(string(text))) {
				m.line("%s", sentence(strings.TrimSuffix(l, "\n")))
			}
		}
	}
}

// sentence is a line of text, which troff would take for a command if it began with a
// dot or a quotation mark.
func sentence(text string) string {
	text = escaped(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}

// escaped is text as troff prints it. A hyphen is written as the character that can be
// pasted into a command line, and so is a quotation mark.
var escaped = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace
