package privacy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"clearhop/internal/setting"
)

// Settings are what the operator writes about privacy. The command reads them
// from flags, the functions from the environment; package pipeline has their
// help. The tag secret says that no message may show the value.
type Settings struct {
	Mode        string   `name:"privacy" env:"CLEARHOP_PRIVACY" default:"none" placeholder:"MODE"`
	Key         string   `name:"privacy-key" env:"CLEARHOP_PRIVACY_KEY" placeholder:"KEY" secret:""`
	RedactQuery []string `name:"redact-query" env:"CLEARHOP_REDACT_QUERY" placeholder:"KEY"`
}

// Read reads the texts of s, and the file of the key if s names one. The caller
// sets Config.Stays. The error joins one error for each text that is wrong, with
// the name of its setting, and never contains the key. The Config has the settings
// that could be read.
func (s *Settings) Read() (Config, error) {
	var c Config
	var modeErr, keyErr error
	if c.Mode, modeErr = ParseMode(s.Mode); modeErr == nil {
		c.Key, keyErr = s.key(c.Mode)
	}
	for _, item := range s.RedactQuery {
		for key := range strings.SplitSeq(item, ",") {
			c.RedactQuery = append(c.RedactQuery, strings.TrimSpace(key))
		}
	}
	return c, errors.Join(
		setting.Error("privacy", modeErr),
		setting.Error("privacy-key", keyErr),
		setting.Error("redact-query", CheckQueryKeys(c.RedactQuery)),
	)
}

// key returns the key that mode needs, or nil if it needs none.
func (s *Settings) key(mode Mode) ([]byte, error) {
	switch {
	case mode == Hash && s.Key == "":
		return nil, errors.New("privacy hash needs it")
	case mode == Hash:
		key, err := readKey(s.Key)
		if err == nil {
			err = CheckKey(key)
		}
		return key, err
	case s.Key != "":
		return nil, errors.New("is given, but privacy is not hash")
	}
	return nil, nil
}

// readKey returns the key in text, or in the file that @FILE names. The line end
// of a file is not part of the key.
func readKey(text string) ([]byte, error) {
	name, inFile := strings.CutPrefix(text, "@")
	if !inFile {
		return []byte(text), nil
	}
	key, err := os.ReadFile(name)
	if err != nil {
		// The name may be a key that begins with "@", so it is not shown.
		if wrapped := errors.Unwrap(err); wrapped != nil {
			err = wrapped
		}
		return nil, fmt.Errorf("the file behind the @ cannot be read: %w", err)
	}
	return bytes.TrimRight(key, "\r\n"), nil
}
