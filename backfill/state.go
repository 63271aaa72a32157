package backfill

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// stateVersion is the version of the form of a State's file.
const stateVersion = 1

// A State is what a file keeps of a backfill, so that the same command can go on after
// it was ended in any way.
type State struct {
	Version int       `json:"version"`
	Written time.Time `json:"written"`
	Done    bool      `json:"done"`
	// Command is what the backfill was begun with, by the name of the flag. Values that
	// are secret or long stand there as a few digits of their hash.
	Command map[string]string `json:"command"`
	// Since and Until are the times that the flags meant when the backfill began.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// LogGroups are the groups that were found when the backfill began.
	LogGroups []string `json:"log_groups,omitempty"`
	Progress

	path string
}

// An OtherCommandError says that a file is of a backfill with another command.
type OtherCommandError struct {
	Path        string
	Differences []string // --since is 7d there, and 2d here
}

// Error returns what differs, and what to do.
func (e *OtherCommandError) Error() string {
	return fmt.Sprintf("%s is of a backfill with another command: %s; give that command to go on with it, or another file with --state to begin a new one",
		e.Path, strings.Join(e.Differences, "; "))
}

// OpenState reads the file of a backfill, or makes a new State if there is none. An error
// is an *OtherCommandError, or says why the file cannot be used.
func OpenState(path string, command map[string]string) (s *State, isNew bool, err error) {
	s = &State{Version: stateVersion, Command: command, path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	var kept State
	if err := json.Unmarshal(text, &kept); err != nil || kept.Version == 0 || len(kept.Command) == 0 {
		return nil, false, fmt.Errorf("%s is not the file of a backfill; give another one with --state", path)
	}
	if kept.Version != stateVersion {
		return nil, false, fmt.Errorf("%s was written by another version of clearhop; go on with that one, or give another file with --state", path)
	}
	if differences := compare(kept.Command, command); len(differences) > 0 {
		return nil, false, &OtherCommandError{Path: path, Differences: differences}
	}
	kept.path = path
	return &kept, false, nil
}

// compare lists what differs between what a backfill was begun with and what it is to go
// on with.
func compare(then, now map[string]string) []string {
	all := maps.Clone(then)
	maps.Copy(all, now)
	var differences []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if then[name] != now[name] {
			differences = append(differences, fmt.Sprintf("%s is %s there, and %s here", name, orNone(then[name]), orNone(now[name])))
		}
	}
	return differences
}

// Digest returns some hexadecimal digits of a text's hash, for a Command.
func Digest(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return "#" + hex.EncodeToString(sum[:])[:digits]
}

func orNone(value string) string {
	if value == "" {
		return "not given"
	}
	return value
}

// Keep writes the file with what is done. The file is always whole: it is replaced at
// once.
func (s *State) Keep(p Progress) error {
	s.Progress = p
	return s.write()
}

// Finish writes that the backfill is done.
func (s *State) Finish(p Progress) error {
	s.Progress, s.Done = p, true
	return s.write()
}

func (s *State) write() error {
	s.Written = time.Now().UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(s.path, append(text, '\n')); err != nil {
		return fmt.Errorf("keep how far the backfill is: %w", err)
	}
	return nil
}

// replace writes a file whole or not at all, also if the machine stops meanwhile.
func replace(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
