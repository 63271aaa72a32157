package watch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"clearhop/aws/object"
)

// Settings say what to diagnose and whom to tell. They are read from the environment.
type Settings struct {
	LogGroups  []string      `env:"CLEARHOP_DIAGNOSIS_LOG_GROUPS" help:"The log groups to diagnose. A name that ends with * stands for all log groups whose names begin with it, except those of AWS Lambda and Firehose."`
	Every      time.Duration `env:"CLEARHOP_DIAGNOSIS_EVERY" default:"10m" help:"The time that each diagnosis looks at. It is that of the schedule."`
	Topic      string        `env:"CLEARHOP_DIAGNOSIS_TOPIC" help:"ARN of the SNS topic that findings are published to."`
	State      string        `env:"CLEARHOP_DIAGNOSIS_STATE" help:"Object in S3, s3://bucket/key, that holds the findings that were published."`
	Name       string        `env:"CLEARHOP_DIAGNOSIS_NAME" default:"clearhop" help:"Name at the beginning of each subject: that of the stack."`
	MinPercent float64       `env:"CLEARHOP_DIAGNOSIS_MIN_PERCENT" default:"0" help:"Findings that a smaller percentage of the lines shows are not published."`
	MaxMB      int           `env:"CLEARHOP_DIAGNOSIS_MAX_MB" default:"8" help:"How many megabytes of lines one diagnosis reads at most, of all log groups together."`
}

// Bounds of the settings.
const (
	minEvery, maxEvery = time.Minute, 24 * time.Hour
	maxMB              = 64
	maxName            = 40 // bytes: the subject has 100
)

// Check returns an error that lists everything that is wrong with s.
func (s *Settings) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(s.groups()) == 0 {
		bad("CLEARHOP_DIAGNOSIS_LOG_GROUPS: names no log group")
	}
	if s.Every < minEvery || s.Every > maxEvery {
		bad("CLEARHOP_DIAGNOSIS_EVERY: must be from %v to %v", minEvery, maxEvery)
	}
	if !strings.HasPrefix(s.Topic, "arn:") {
		bad("CLEARHOP_DIAGNOSIS_TOPIC: is not the ARN of a topic")
	}
	if _, key, ok := object.SplitURL(s.State); !ok || key == "" {
		bad("CLEARHOP_DIAGNOSIS_STATE: is not an object in S3: write s3://BUCKET/KEY")
	}
	if s.Name == "" || asciiOnly(s.Name) != s.Name {
		bad("CLEARHOP_DIAGNOSIS_NAME: must be of printable ASCII characters")
	}
	if s.MinPercent < 0 || s.MinPercent > 100 {
		bad("CLEARHOP_DIAGNOSIS_MIN_PERCENT: must be from 0 to 100")
	}
	if s.MaxMB < 1 || s.MaxMB > maxMB {
		bad("CLEARHOP_DIAGNOSIS_MAX_MB: must be from 1 to %d", maxMB)
	}
	return errors.Join(errs...)
}

// groups returns the names of the log groups without empty items and doubles: a template
// joins lists of which some are empty.
func (s *Settings) groups() []string {
	var names []string
	for _, name := range s.LogGroups {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
