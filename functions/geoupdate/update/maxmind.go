package update

import (
	"context"
	"crypto/md5" //nolint:gosec // MaxMind's checksum is an MD5
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/maxmind/geoipupdate/v7/client"
)

// An account is the user's account with MaxMind. It is read from its secret when it
// is first needed.
type account struct {
	client     *secretsmanager.Client
	id         string // ARN or name of the secret
	number     int
	licenseKey string
}

// read reads the account, unless that was done already.
func (a *account) read(ctx context.Context) error {
	if a.number != 0 {
		return nil
	}
	out, err := a.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &a.id})
	if err != nil {
		return err
	}
	var secret struct {
		AccountID  json.Number `json:"account_id"` // as a number or as a text
		LicenseKey string      `json:"license_key"`
	}
	// An error of package json could contain part of the secret.
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &secret) != nil {
		return fmt.Errorf("secret %s: %w", a.id, ErrSecret)
	}
	number, err := secret.AccountID.Int64()
	if err != nil || number <= 0 || secret.LicenseKey == "" {
		return fmt.Errorf("secret %s: %w", a.id, ErrSecret)
	}
	a.number, a.licenseKey = int(number), secret.LicenseKey
	return nil
}

// fetchEdition downloads an edition from MaxMind. The version of the release is the
// MD5 of the database.
func fetchEdition(ctx context.Context, endpoint, edition string, old release, account *account) (release, error) {
	if err := account.read(ctx); err != nil {
		return release{}, err
	}
	endpoint = strings.TrimSuffix(endpoint, "/")
	c, err := client.New(account.number, account.licenseKey, client.WithEndpoint(endpoint), client.WithHTTPClient(httpClient()))
	if err != nil {
		return release{}, errors.New("MaxMind's client refuses the account or the licence key") // its error may contain the key
	}
	next := release{source: "MaxMind " + edition}
	have := ""
	if old.source == next.source {
		have = old.version
	}
	got, err := c.Download(ctx, edition, have)
	if status, ok := errors.AsType[client.HTTPError](err); ok {
		// The error has the text of the answer, which may contain anything.
		return release{}, &StatusError{From: place(endpoint), Code: status.StatusCode}
	}
	if err != nil {
		return release{}, err
	}
	if !got.UpdateAvailable {
		return next, got.Reader.Close()
	}
	sum := md5.New() //nolint:gosec // see above
	next.version = got.MD5
	next.path, err = save(got.Reader, sum)
	if err := errors.Join(err, got.Reader.Close()); err != nil {
		return release{}, errors.Join(err, discard(next.path))
	}
	if !strings.EqualFold(hex.EncodeToString(sum.Sum(nil)), got.MD5) {
		return release{}, errors.Join(fmt.Errorf("%s: %w", next.source, ErrChecksum), discard(next.path))
	}
	return next, nil
}
