package main

import (
	"context"
	"strings"

	"clearhop/aws/stored"
	"clearhop/internal/lock"
	"clearhop/pipeline"
)

// fillStored reads the settings that stand elsewhere than in the environment, as the
// functions do: the privacy key in Secrets Manager, and lists of networks in S3. Nothing is
// asked for if no setting refers to AWS.
func fillStored(ctx context.Context, settings *pipeline.Config) error {
	lists := []*[]string{&settings.Client.NLB, &settings.Client.Trusted, &settings.Client.Internal}
	environ := []string{
		"CLEARHOP_PRIVACY_KEY=" + settings.Privacy.Key,
		"CLEARHOP_NLB=" + strings.Join(settings.Client.NLB, ","),
		"CLEARHOP_TRUSTED=" + strings.Join(settings.Client.Trusted, ","),
		"CLEARHOP_INTERNAL=" + strings.Join(settings.Client.Internal, ","),
	}
	filled, err := stored.Lazy().Fill(ctx, environ)
	if err != nil {
		return &usageError{err}
	}
	_, settings.Privacy.Key, _ = strings.Cut(filled[0], "=")
	for i, list := range lists {
		if filled[i+1] != environ[i+1] {
			_, value, _ := strings.Cut(filled[i+1], "=")
			*list = strings.Split(value, ",")
		}
	}
	return nil
}

// lockState keeps another process from working with a file of --state.
func lockState(path string) (*lock.Lock, error) {
	held, err := lock.Take(path)
	if err != nil {
		return nil, &usageError{err}
	}
	return held, nil
}
