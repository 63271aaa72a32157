package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"clearhop/aws/stack"
)

// answers reads what a person types.
type answers struct{ lines *bufio.Scanner }

func newAnswers(in io.Reader) *answers {
	a := &answers{bufio.NewScanner(in)}
	a.lines.Buffer(nil, 64<<10) // a log_format is long
	return a
}

// errNoAnswer says that the input ended, as with Ctrl-D.
var errNoAnswer = errors.New("the answers ended before the last question; nothing was changed")

func (a *answers) next() (string, error) {
	if !a.lines.Scan() {
		return "", errors.Join(errNoAnswer, a.lines.Err())
	}
	return strings.TrimSpace(a.lines.Text()), nil
}

// A question is one of those that are asked the first time.
type question struct {
	asks    string
	example string
	// apply puts an answer into the values. It may take another form than the parameter.
	apply func(values map[string]string, answer string)
	// parameters are what an answer sets. What is wrong with them is said at once.
	parameters []string
}

// set makes the apply of a question whose answer is the value of a parameter.
func set(name string) func(map[string]string, string) {
	return func(values map[string]string, answer string) { values[name] = answer }
}

// questions are asked in this order.
var questions = []question{
	{
		asks:    "Which log group does nginx write to?",
		example: "/ecs/web. You can subscribe more later.",
		apply:   set("LogGroupName"), parameters: []string{"LogGroupName"},
	},
	{
		asks:    "Which Network Load Balancer is in front of it?",
		example: "its ARN, its name (shop-edge), or its addresses\n   (10.16.1.11,10.16.2.11). Enter: every private address counts as the\n   NLB's.",
		apply:   setBalancer, parameters: []string{"NLB", "DiscoverNLB"},
	},
	{
		asks:    "Which other proxies are yours, such as the tasks of the edge, or a CDN?",
		example: "10.16.1.16/28,10.16.2.16/28. Enter: none.",
		apply:   set("Trusted"), parameters: []string{"Trusted"},
	},
	{
		asks:    "Which format do the lines have?",
		example: "auto, combined, main, clearhop, or your log_format directive in\n   one line. clearhop format --from FILE finds it.",
		apply:   set("LogFormat"), parameters: []string{"LogFormat"},
	},
	{
		asks:    "Which e-mail address gets the alarms? AWS asks it for a confirmation.",
		example: "oncall@example.com. Enter: nobody.",
		apply:   set("AlarmEmail"), parameters: []string{"AlarmEmail"},
	},
}

// ofBalancer finds the name in the ARN of an NLB.
var ofBalancer = regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/net/([A-Za-z0-9-]{1,32})/[0-9a-f]+$`)

var nameOfBalancer = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,31}$`)

// setBalancer takes an ARN, a name, discover:NAME, or addresses and networks.
func setBalancer(values map[string]string, answer string) {
	delete(values, "NLB")
	delete(values, "DiscoverNLB")
	if m := ofBalancer.FindStringSubmatch(answer); m != nil {
		answer = "discover:" + m[1]
	}
	switch {
	case answer == "discover" || strings.HasPrefix(answer, "discover:"):
		values["DiscoverNLB"] = answer
	case nameOfBalancer.MatchString(answer):
		values["DiscoverNLB"] = "discover:" + answer
	case answer != "":
		values["NLB"] = answer
	}
}

// begin makes the settings of the first run: those of a stack that is there already, or the
// answers of a person. It writes them.
func (d *deployment) begin(ctx context.Context, deployed *stack.Stack) error {
	if deployed != nil {
		d.takeOver(deployed)
		fmt.Fprintf(d.out, "The stack %s is there already: its settings are taken over into %s.\n", d.settings.stack, d.path)
	} else if err := d.ask(ctx); err != nil {
		return err
	}
	if err := d.settings.write(d.path, d.template.Parameters()); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nYour settings are in %s, with all others as comments. Keep this file.\n", d.path)
	return nil
}

// takeOver takes the parameters of a stack that the template still has.
func (d *deployment) takeOver(deployed *stack.Stack) {
	for _, p := range d.template.Parameters() {
		if value, has := deployed.Parameters[p.Name]; has {
			d.settings.values[p.Name] = value
		}
	}
}

// ask asks the questions, each until its answer can be used.
func (d *deployment) ask(ctx context.Context) error {
	fmt.Fprintf(d.out, "Clearhop goes into the account %s, region %s, as the stack\n%s (StackName in %s). %d questions follow. Enter takes what\nstands in brackets, or nothing.\n",
		d.account.id, d.settings.region, d.settings.stack, d.path, len(questions))
	for i, q := range questions {
		fmt.Fprintf(d.out, "\n%d. %s\n   For example: %s\n", i+1, q.asks, q.example)
		for {
			fmt.Fprint(d.out, prompt(d.template.Complete(nil)[q.parameters[0]]))
			answer, err := d.in.next()
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if answer == "" {
				break
			}
			q.apply(d.settings.values, answer)
			problems := d.problemsOf(ctx, q.parameters)
			if len(problems) == 0 {
				break
			}
			for _, p := range problems {
				fmt.Fprintf(d.out, "   %s\n", strings.Join(wrap("That cannot be used: "+p, 76), "\n   "))
			}
			for _, name := range q.parameters {
				delete(d.settings.values, name)
			}
		}
	}
	return nil
}

// prompt asks for an answer, with what Enter takes.
func prompt(otherwise string) string {
	if otherwise == "" {
		return "   > "
	}
	return "   [" + otherwise + "] > "
}
