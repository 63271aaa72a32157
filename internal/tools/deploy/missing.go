package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	aws "clearhop/aws/account"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// An account is where the stack goes.
type account struct{ id, region string }

// leastSAM is the oldest SAM CLI that reads parameters from a file.
var leastSAM = [3]int{1, 153, 1}

// identityTime bounds the look at the credentials.
const identityTime = 20 * time.Second

// findMissing looks for everything that a deployment needs, and names all that is missing
// at once.
func (d *deployment) findMissing(ctx context.Context, hasSettings bool) error {
	var missing []string
	need := func(problem string) {
		if problem != "" {
			missing = append(missing, problem)
		}
	}
	need(samProblem(ctx))
	if d.settings.values["GeoIPSource"] == "layer" {
		need(programProblem("npm", "GeoIPSource is layer, and npm fetches its data. Install Node.js, or choose GeoIPSource: url"))
	}
	missing = append(missing, d.accountProblems(ctx)...)
	if !hasSettings && !d.asks {
		need(fmt.Sprintf(`the settings: %s is not there, and there is no terminal to ask at.
    Run make deploy once at a terminal, which writes it. Or write it yourself:
      StackName: clearhop
      Region: eu-central-1
      LogGroupName: /ecs/web
      DiscoverNLB: discover:NAME-OF-THE-NLB
      Trusted: 10.16.1.16/28
      LogFormat: auto
      AlarmEmail: you@example.com`, d.path))
	}
	if len(missing) == 0 {
		return ctx.Err()
	}
	return &settingsError{fmt.Errorf("these are missing:\n  - %s", strings.Join(missing, "\n  - "))}
}

// programProblem returns what is missing if a program is not on the PATH.
func programProblem(name, why string) string {
	if _, err := exec.LookPath(name); err != nil {
		return name + ": " + why
	}
	return ""
}

var samVersion = regexp.MustCompile(`version (\d+)\.(\d+)\.(\d+)`)

// samProblem returns why the SAM CLI cannot be used, or "".
func samProblem(ctx context.Context) string {
	const how = "pip install --upgrade aws-sam-cli, or\n    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/install-sam-cli.html"
	if _, err := exec.LookPath("sam"); err != nil {
		return "the SAM CLI: " + how
	}
	out, err := exec.CommandContext(ctx, "sam", "--version").Output()
	if err != nil {
		return "a SAM CLI that runs (sam --version fails): " + how
	}
	m := samVersion.FindStringSubmatch(string(out))
	if m == nil {
		return ""
	}
	for i, least := range leastSAM {
		n, _ := strconv.Atoi(m[i+1]) // digits
		if n != least {
			if n < least {
				return fmt.Sprintf("a newer SAM CLI: this one is %s, and %d.%d.%d is the oldest that reads parameters from a file: %s",
					strings.Join(m[1:], "."), leastSAM[0], leastSAM[1], leastSAM[2], how)
			}
			break
		}
	}
	return ""
}

// anyRegion stands for the region where only the credentials are looked at.
const anyRegion = "us-east-1"

// accountProblems asks AWS whose the credentials are. It returns why the region or the
// credentials cannot be used.
func (d *deployment) accountProblems(ctx context.Context) []string {
	var problems []string
	c, err := aws.Load(ctx, config.WithRegion(d.settings.region))
	if errors.Is(err, aws.ErrNoRegion) {
		problems = append(problems, fmt.Sprintf("the region: export AWS_REGION=eu-central-1 (that of the log group), or write Region into %s", d.path))
		c, err = aws.Load(ctx, config.WithRegion(anyRegion))
	}
	if err == nil {
		_, err = aws.Credentials(ctx, c.Credentials)
	}
	if err != nil {
		return append(problems, "AWS credentials: "+err.Error())
	}
	limited, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	identity, err := sts.NewFromConfig(c).GetCallerIdentity(limited, &sts.GetCallerIdentityInput{})
	if err != nil {
		if far := aws.Unreachable(err); far != nil {
			err = far
		} else if answer, ok := errors.AsType[smithy.APIError](err); ok {
			err = fmt.Errorf("%s: %s", answer.ErrorCode(), answer.ErrorMessage())
		}
		return append(problems, "AWS credentials that work (aws sts get-caller-identity must answer): "+err.Error())
	}
	d.account = account{id: *identity.Account, region: c.Region}
	d.settings.region = cmp.Or(d.settings.region, c.Region)
	return problems
}
