package parser

import (
	"bytes"

	"clearhop/record"
)

var (
	nextTry   = []byte(", ")
	nextGroup = []byte(" : ")
)

// listEnd returns where an unquoted list of kind k ends: an item has neither
// space nor comma and does not start with a colon, and what follows ", " or
// " : " is another item.
func listEnd(b []byte, k kind) int {
	n := 0
	for {
		switch {
		case n < len(b) && b[n] == '-' && k.isNumeric():
			n++
		case n < len(b) && b[n] != ':':
			n += k.run(b[n:])
		}
		switch {
		case bytes.HasPrefix(b[n:], nextTry):
			n += len(nextTry)
		case bytes.HasPrefix(b[n:], nextGroup):
			n += len(nextGroup)
		default:
			return n
		}
	}
}

// setList spreads a list over the tries, one entry each.
func (v *variable) setList(a *record.Access, value []byte) string {
	for i := 0; value != nil; i++ {
		var item []byte
		item, value = cutItem(value)
		if i == len(a.Upstream) {
			if i == maxTries {
				return "more tries than nginx can make"
			}
			a.Upstream = append(a.Upstream, record.Upstream{})
		}
		if noItem(item) {
			continue
		}
		if v.list != nil {
			*v.list(&a.Upstream[i]) = item
			continue
		}
		n, reason := v.kind.parse(item)
		if reason != "" {
			return reason
		}
		*v.listNumber(&a.Upstream[i]) = n
	}
	return ""
}

// maxTries bounds the entries that one line can make. nginx tries each server
// of a group at most a few times; the bound is far above and far below what a
// hostile line could ask for.
const maxTries = 256

// cutItem splits a list behind its first item; rest is nil if there is no other.
func cutItem(list []byte) (item, rest []byte) {
	for i := range list {
		switch {
		case list[i] == ',' && bytes.HasPrefix(list[i:], nextTry):
			return list[:i], list[i+len(nextTry):]
		case list[i] == ' ' && bytes.HasPrefix(list[i:], nextGroup):
			return list[:i], list[i+len(nextGroup):]
		}
	}
	return list, nil
}

// noItem reports whether item says that a try had no such value.
func noItem(item []byte) bool {
	return len(item) == 0 || len(item) == 1 && item[0] == '-'
}

// misfitList says why list is no list of values of kind k; nothing if it is.
func misfitList(list []byte, k kind) string {
	for list != nil {
		var item []byte
		if item, list = cutItem(list); noItem(item) {
			continue
		}
		if reason := k.misfit(item); reason != "" {
			return reason
		}
	}
	return ""
}

// finishUpstream gives $upstream_cache_status, which is one word for the whole
// request, to the last try. An answer from the cache has no try: the word then
// makes an entry of its own.
func finishUpstream(a *record.Access) {
	if a.CacheStatus == nil {
		return
	}
	if len(a.Upstream) == 0 {
		a.Upstream = append(a.Upstream, record.Upstream{})
	}
	a.Upstream[len(a.Upstream)-1].CacheStatus = a.CacheStatus
}

// goesOnAsList reports whether the fixed text b behind a list of kind k reads
// like more of it.
func goesOnAsList(b []byte, k kind) bool {
	if !k.isNumeric() {
		b = b[k.run(b):]
	}
	return bytes.HasPrefix(b, nextTry) || bytes.HasPrefix(b, nextGroup)
}
