// Package uapcore holds uap-core's rules as they are published, in regexes.yaml,
// and reads them:
//
//	lists, err := uapcore.Read(file)
//	lists["user_agent"][0].Values["regex"]
//
// The file uses a very small part of YAML: three lists of flat maps with quoted
// values. Everything else is an error here, so that a newer uap-core cannot be
// misread in silence.
//
// Only internal/tools/uarules and tests import this package. The command reads the
// rules that uarules makes.
package uapcore

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// An Entry is one entry of a list.
type Entry struct {
	Line   int // 1-based, of its "- regex:"
	Values map[string]string
}

// Read returns the lists by name, without "_parsers": user_agent, os, device.
func Read(r io.Reader) (map[string][]Entry, error) {
	lists := make(map[string][]Entry)
	var list string
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 1<<20)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutSuffix(line, "_parsers:"); ok {
			list = name
			continue
		}
		item, isNew := strings.CutPrefix(line, "- ")
		key, value, ok := strings.Cut(item, ":")
		if !ok || list == "" {
			return nil, fmt.Errorf("line %d: neither a list nor a key: %.60q", n, line)
		}
		text, err := unquote(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if isNew {
			lists[list] = append(lists[list], Entry{Line: n, Values: make(map[string]string)})
		}
		entries := lists[list]
		if len(entries) == 0 {
			return nil, fmt.Errorf("line %d: key before the first entry", n)
		}
		values := entries[len(entries)-1].Values
		key = strings.TrimSpace(key)
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: key %q twice", n, key)
		}
		values[key] = text
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	return lists, nil
}

// unquote reads a quoted YAML scalar, and drops a comment after it.
func unquote(s string) (string, error) {
	if s == "" || (s[0] != '\'' && s[0] != '"') {
		return "", fmt.Errorf("value is not quoted: %.60q", s)
	}
	quote := s[0]
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			return "", fmt.Errorf("escape in a double-quoted value: %.60q", s)
		case s[i] != quote:
			text.WriteByte(s[i])
		case quote == '\'' && i+1 < len(s) && s[i+1] == quote:
			text.WriteByte(quote)
			i++
		default:
			if rest := strings.TrimSpace(s[i+1:]); rest != "" && rest[0] != '#' {
				return "", fmt.Errorf("text after a quoted value: %.60q", rest)
			}
			return text.String(), nil
		}
	}
	return "", fmt.Errorf("value without a closing quote: %.60q", s)
}
