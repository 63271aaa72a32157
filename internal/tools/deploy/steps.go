package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"clearhop/aws/smoke"
	"clearhop/aws/stack"
	"clearhop/internal/terminal"
)

// describe asks for the stack as it is. It returns nil if there is none.
func (d *deployment) describe(ctx context.Context) (*stack.Stack, error) {
	client, err := stack.Connect(ctx, d.settings.region)
	if err != nil {
		return nil, err
	}
	deployed, err := client.Describe(ctx, d.settings.stack)
	if _, missing := errors.AsType[*stack.NotFoundError](err); missing {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the stack cannot be looked up: %w", err)
	}
	// What CloudFormation shows of a stack that was never made to its end are no settings.
	if deployed.Status == "REVIEW_IN_PROGRESS" || deployed.Status == "DELETE_COMPLETE" {
		return nil, nil
	}
	if deployed.Status == "ROLLBACK_COMPLETE" {
		return nil, fmt.Errorf("the first deployment of the stack %s failed, and CloudFormation lets nobody update what is left of it. Delete it, then deploy again: sam delete --stack-name %[1]s --region %s", d.settings.stack, d.settings.region)
	}
	return &deployed, nil
}

// maxShown is how many columns of a value are shown.
const maxShown = 32

// agree shows what will be deployed, and asks once.
func (d *deployment) agree(ctx context.Context, deployed *stack.Stack) (bool, error) {
	state := "new"
	if deployed != nil {
		state = "it is there, " + deployed.Status
	}
	fmt.Fprintf(d.out, "\nThe stack %s in the account %s, region %s (%s):\n\n", d.settings.stack, d.account.id, d.settings.region, state)
	d.showSettings(deployed)
	if !d.asks {
		return true, nil
	}
	fmt.Fprintf(d.out, "\nWhat it costs: docs/aws.md#costs. Deploy this? [y/N] ")
	answer, err := d.in.next()
	if err != nil {
		return false, err
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		fmt.Fprintf(d.out, "Nothing was deployed. Your settings are in %s.\n", d.path)
		return false, nil
	}
	return true, ctx.Err()
}

// showSettings prints the settings that differ from their defaults, or from the stack as
// it is.
func (d *deployment) showSettings(deployed *stack.Stack) {
	values := d.template.Complete(d.settings.values)
	rows := [][]string{{"setting", "default", "will be"}}
	if deployed != nil {
		rows[0] = []string{"setting", "now", "will be"}
	}
	for _, p := range d.template.Parameters() {
		before, value := p.Default, values[p.Name]
		if deployed != nil {
			if now, has := deployed.Parameters[p.Name]; has {
				before = now
			}
		}
		if value == before && value == p.Default {
			continue
		}
		mark := shown(value)
		if deployed != nil && value == before {
			mark = "(the same)"
		}
		rows = append(rows, []string{p.Name, shown(before), mark})
	}
	if len(rows) == 1 {
		fmt.Fprintln(d.out, "  All settings have their defaults.")
		return
	}
	for _, row := range rows {
		fmt.Fprintf(d.out, "  %s  %s  %s\n", padded(row[0], 18), padded(row[1], maxShown-8), row[2])
	}
	if values["LogGroupName"] == "" && values["AllLogGroups"] != "true" {
		fmt.Fprintln(d.out, "\n  No log group is named: nothing arrives until you run clearhop subscribe.")
	}
}

// shown returns a value on one line, cut off if it is long.
func shown(value string) string {
	if value == "" {
		return "-"
	}
	value = terminal.Printable(strings.ReplaceAll(value, "\n", " "))
	if runes := []rune(value); len(runes) > maxShown {
		return string(runes[:maxShown-1]) + "…"
	}
	return value
}

func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(width-terminal.Columns(text), 0))
}

// tell runs a program whose output the person sees.
func (d *deployment) tell(ctx context.Context, environment []string, name string, args ...string) error {
	fmt.Fprintf(d.out, "\n$ %s %s\n", name, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdout, cmd.Stderr = d.out, d.out
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s failed: %w", name, args[0], err)
	}
	return nil
}

// build builds the functions, and the layer if it is wanted. Then the databases of the
// layer can be checked too.
func (d *deployment) build(ctx context.Context) error {
	layer := "no"
	if d.settings.values["GeoIPSource"] == "layer" {
		layer = "yes"
	}
	if err := d.tell(ctx, []string{"GEOIP_LAYER=" + layer}, "sam", "build"); err != nil {
		return err
	}
	if layer == "no" {
		return nil
	}
	folder, err := filepath.Abs(filepath.Join(".aws-sam", "build", "GeoIPLayer"))
	if err != nil {
		return err
	}
	var texts []string
	for _, p := range d.functionProblems(ctx, folder) {
		texts = append(texts, item(p.text))
	}
	if len(texts) > 0 {
		return &settingsError{fmt.Errorf("the function would not start with the layer as it was built:\n%s", strings.Join(texts, "\n"))}
	}
	return nil
}

// parametersFile is what sam deploy reads the parameters from: JSON, which is YAML. The SAM
// CLI knows no file with the ending .json.
const parametersFile = "build/deploy/parameters.yaml"

// deploy uploads and deploys. It gives every parameter, because CloudFormation keeps the
// former value of one that it is not given.
func (d *deployment) deploy(ctx context.Context) error {
	values := d.template.Complete(d.settings.values)
	for name, value := range values {
		values[name] = given(value)
	}
	text, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(parametersFile), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(parametersFile, text, 0o600); err != nil {
		return err
	}
	bucket := []string{"--resolve-s3"}
	if d.settings.bucket != "" {
		bucket = []string{"--s3-bucket", d.settings.bucket}
	}
	args := append([]string{"deploy", "--stack-name", d.settings.stack, "--region", d.settings.region,
		"--capabilities", "CAPABILITY_IAM", "--s3-prefix", d.settings.stack, "--no-progressbar",
		"--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides", "file://" + parametersFile}, bucket...)
	return d.tell(ctx, nil, "sam", args...)
}

// given returns a value as the SAM CLI is to read it. Of a value in a file it takes, twice,
// the quotes around it away, and the backslash before a quote or a space. Most values have
// neither, and stay as they are.
func given(value string) string {
	if unquoted(value) == value {
		return value
	}
	return quoted(quoted(value))
}

// escaped are the characters before which the SAM CLI takes a backslash away, in its order.
const escaped = ` "'`

// unquoted is what the SAM CLI makes of a value, once.
func unquoted(value string) string {
	if value != "" && value[0] == value[len(value)-1] && (value[0] == '"' || value[0] == '\'') {
		value = value[1:max(len(value)-1, 1)]
	}
	for _, c := range escaped {
		value = strings.ReplaceAll(value, `\`+string(c), string(c))
	}
	return value
}

// quoted returns what unquoted makes the value of.
func quoted(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(value) {
		if strings.IndexByte(escaped, value[i]) >= 0 && i > 0 && value[i-1] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(value[i])
	}
	b.WriteByte('"')
	return b.String()
}

// smoke sends a line through the stack, and says what comes next.
func (d *deployment) smoke(ctx context.Context) error {
	deployed, err := d.describe(ctx)
	if err != nil {
		return err
	}
	if deployed == nil {
		return fmt.Errorf("sam deploy ended without an error, but there is no stack %s", d.settings.stack)
	}
	again := fmt.Sprintf("clearhop smoke --stack %s --region %s", d.settings.stack, d.settings.region)
	if deployed.Parameters["LogGroupName"] == "" {
		fmt.Fprintf(d.out, "\nDeployed. No log group is named, so no line was sent through it. Try one later:\n  %s --log-group GROUP\n", again)
		return nil
	}
	calls, err := smoke.Connect(ctx, d.settings.region)
	if err != nil {
		return err
	}
	begun := time.Now()
	try, err := smoke.New(smoke.Config{Calls: calls, Stack: *deployed, Say: func(what string) {
		fmt.Fprintf(d.out, "  after %s: %s\n", time.Since(begun).Round(time.Second), what)
	}})
	if err != nil {
		fmt.Fprintf(d.out, "\nDeployed. No line could be sent through it: %v\n", err)
		return nil
	}
	fmt.Fprintf(d.out, "\nDeployed. Now one line goes through it (about six minutes; Ctrl-C ends only the waiting):\n")
	arrival, err := try.Run(ctx)
	if err != nil {
		return fmt.Errorf("the stack is deployed, but the line did not arrive: %w\nTry again with: %s", err, again)
	}
	fmt.Fprintf(d.out, "The line came into the table after %s, with the verdict %s.\n\nThe dashboard: %s\n",
		arrival.Took.Round(time.Second), arrival.Verdict, deployed.Outputs["NextStep"])
	return nil
}
