package delivery

import (
	"context"
	"errors"
	"io"

	"clearhop/aws/nlb"
	"clearhop/aws/object"
	"clearhop/aws/stored"
	"clearhop/functions/environment"
)

// lambdaSettings are the parts of Lambda's own environment that matter here.
type lambdaSettings struct {
	FunctionName   string `env:"AWS_LAMBDA_FUNCTION_NAME"`
	LogGroup       string `env:"AWS_LAMBDA_LOG_GROUP_NAME"`
	MaxConcurrency int    `env:"AWS_LAMBDA_MAX_CONCURRENCY" default:"1"`
}

// MetricSettings say what is measured. They are read from the environment.
type MetricSettings struct {
	Namespace string `env:"CLEARHOP_METRICS" default:"Clearhop" help:"Namespace of the CloudWatch metrics that each invocation writes to its log (embedded metric format); none for no metrics."`
}

// read fills a Config, and the settings of its destination, from the environment and from
// what it refers to. The error names everything that cannot be read.
func read(ctx context.Context, shape Shape, environ []string, log io.Writer, destination any) (Config, error) {
	return readFrom(ctx, stored.Lazy(), shape, environ, log, destination)
}

// readFrom is read with a reader of what the environment refers to.
func readFrom(ctx context.Context, reader stored.Reader, shape Shape, environ []string, log io.Writer, destination any) (Config, error) {
	var lambda lambdaSettings
	var metrics MetricSettings
	c := Config{Shape: shape, Log: log}
	environ, errStored := reader.Fill(ctx, environ)
	err := errors.Join(errStored, environment.Load(environ, &lambda, destination, &metrics, &c.Pipeline))
	c.FunctionName, c.LogGroup, c.Concurrency = lambda.FunctionName, lambda.LogGroup, lambda.MaxConcurrency
	if metrics.Namespace != "none" {
		c.Namespace = metrics.Namespace
	}
	c.Pipeline.NodeFinder, c.Pipeline.OpenObject = nlb.Nodes, object.Fetches(object.Lazy())
	return c, err
}
