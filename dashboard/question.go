package dashboard

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"unicode/utf8"
)

// A question is a request to the API that was read.
type question struct {
	key string // the same for the same question
	ask func(context.Context, Source) (any, error)
}

var errNoRoute = errors.New("there is no such route")

// readQuestion reads a request to the API. Its error is errNoRoute, or a *Problem.
func readQuestion(name, rawQuery string) (*question, error) {
	read, ok := map[string]func(url.Values) (*question, error){
		"manifest": readManifest,
		"explore":  readExplore,
		"board":    readBoard,
		"requests": readRequests,
		"chain":    readChain,
	}[name]
	if !ok {
		return nil, errNoRoute
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, problem("", "the query is not written as keys and values")
	}
	q, err := read(values)
	if err != nil {
		return nil, err
	}
	q.key = name + "?" + q.key
	return q, nil
}

// own takes the keys of the question itself out of the query; the rest is the State.
func own(values url.Values, keys ...string) (map[string]string, error) {
	taken := map[string]string{}
	for _, key := range keys {
		given := values[key]
		delete(values, key)
		switch {
		case len(given) > 1:
			return nil, problem(key, "%s is given more than once", key)
		case len(given) == 1 && (len(given[0]) > MaxValue || !utf8.ValidString(given[0])):
			return nil, problem(key, "%s is longer than %d bytes or is no UTF-8", key, MaxValue)
		case len(given) == 1:
			taken[key] = given[0]
		}
	}
	return taken, nil
}

func readManifest(values url.Values) (*question, error) {
	for key := range values {
		return nil, problem(printable(key), "there is no key %s", printable(key))
	}
	return &question{ask: func(ctx context.Context, s Source) (any, error) { return s.Manifest(ctx) }}, nil
}

func readExplore(values url.Values) (*question, error) {
	s, err := ParseState(values)
	if err != nil {
		return nil, err
	}
	return &question{key: s.Query().Encode(), ask: func(ctx context.Context, from Source) (any, error) { return from.Explore(ctx, s) }}, nil
}

func readChain(values url.Values) (*question, error) {
	s, err := ParseState(values)
	if err != nil {
		return nil, err
	}
	return &question{key: s.Query().Encode(), ask: func(ctx context.Context, from Source) (any, error) { return from.Chain(ctx, s) }}, nil
}

func readBoard(values url.Values) (*question, error) {
	keys, err := own(values, "dimension", "limit", "find")
	if err != nil {
		return nil, err
	}
	q := BoardQuery{Dimension: keys["dimension"], Find: keys["find"]}
	if len(q.Find) > MaxSearch {
		return nil, problem("find", "find is a text of at most %d bytes", MaxSearch)
	}
	if q.Limit, err = readLimit(keys["limit"], MaxRows); err != nil {
		return nil, err
	}
	if q.State, err = ParseState(values); err != nil {
		return nil, err
	}
	key := url.Values{"dimension": {q.Dimension}, "limit": {strconv.Itoa(q.Limit)}, "find": {q.Find}}.Encode() + "&" + q.State.Query().Encode()
	return &question{key: key, ask: func(ctx context.Context, from Source) (any, error) { return from.Board(ctx, q) }}, nil
}

func readRequests(values url.Values) (*question, error) {
	keys, err := own(values, "before", "limit")
	if err != nil {
		return nil, err
	}
	limit, err := readLimit(keys["limit"], MaxRequests)
	if err != nil {
		return nil, err
	}
	s, err := ParseState(values)
	if err != nil {
		return nil, err
	}
	key := url.Values{"before": {keys["before"]}, "limit": {strconv.Itoa(limit)}}.Encode() + "&" + s.Query().Encode()
	return &question{key: key, ask: func(ctx context.Context, from Source) (any, error) {
		return from.Requests(ctx, s, keys["before"], limit)
	}}, nil
}

// readLimit reads a limit, which is 100 if it is left out.
func readLimit(text string, most int) (int, error) {
	if text == "" {
		return min(100, most), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, problem("limit", "limit is a number from 1 to %d", most)
	}
	return n, nil
}
