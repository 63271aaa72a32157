// Package jsontest looks for what encoding/json accepts and other readers of JSON do
// not: an object with the same key twice. Athena's reader of JSON fails the whole query
// for one such event.
//
//	if key := jsontest.KeyTwice(event); key != "" {
//		t.Errorf("%q stands twice in %s", key, event)
//	}
package jsontest

import (
	"bytes"
	"encoding/json"
	"io"
)

// KeyTwice returns the first key that an object anywhere in text holds twice, or "". A
// text may hold several values after each other. What follows a fault in text is not
// looked at. It is safe for concurrent use.
func KeyTwice(text []byte) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		key, err := keyTwice(d)
		if key != "" || err != nil {
			return key
		}
	}
}

// keyTwice reads one value.
func keyTwice(d *json.Decoder) (key string, err error) {
	token, err := d.Token()
	if err != nil {
		return "", err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return "", nil
	}
	seen := map[string]bool{}
	for d.More() {
		if delim == '{' {
			token, err := d.Token()
			if err != nil {
				return "", err
			}
			name, ok := token.(string)
			if !ok {
				return "", io.ErrUnexpectedEOF
			}
			if seen[name] {
				return name, nil
			}
			seen[name] = true
		}
		if key, err := keyTwice(d); key != "" || err != nil {
			return key, err
		}
	}
	_, err = d.Token()
	return "", err
}
