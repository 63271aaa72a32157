package parser

import (
	"bytes"

	"clearhop/record"
)

var (
	nextTry   = []byte(", ")
	nextGroup = []byte(" : ")
)

// listEnd returns the end of an unquoted list of kind k. An item has no space and no
// comma, and does not start with a colon. What follows ", " or " : " is another
// item.
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

// setList stores one item of the list in each entry of Upstream. The reasons it
// returns are part of events.
func (v *variable) setList(a *record.Access, value []byte) string {
	redirected := false
	for i := 0; value != nil; i++ {
		item, rest := cutItem(value)
		next := rest != nil && value[len(item)] == nextGroup[0]
		if i == len(a.Upstream) {
			if i == maxTries {
				return "more tries than nginx can make"
			}
			a.Upstream = append(a.Upstream, record.Upstream{})
		}
		a.Upstream[i].Redirected = a.Upstream[i].Redirected || redirected
		value, redirected = rest, next
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

// maxTries is the largest number of entries for one line. nginx tries each server of
// a group a few times at most, so a real line has far fewer. A hostile line could
// have far more.
const maxTries = 256

// cutItem splits a list after its first item. rest is nil if there is no other item.
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

// noItem reports whether item means that a try had no such value.
func noItem(item []byte) bool {
	return len(item) == 0 || len(item) == 1 && item[0] == '-'
}

// misfitList returns why list is not a list of values of kind k, or "" if it is.
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

// finishUpstream stores $upstream_cache_status, which nginx writes once for a
// request, in the last try. An answer from the cache has no try: then it gets an
// entry of its own.
func finishUpstream(a *record.Access) {
	if a.CacheStatus == nil {
		return
	}
	if len(a.Upstream) == 0 {
		a.Upstream = append(a.Upstream, record.Upstream{})
	}
	a.Upstream[len(a.Upstream)-1].CacheStatus = a.CacheStatus
}

// goesOnAsList reports whether the fixed text b after a list of kind k could be more
// items of the list.
func goesOnAsList(b []byte, k kind) bool {
	if !k.isNumeric() {
		b = b[k.run(b):]
	}
	return bytes.HasPrefix(b, nextTry) || bytes.HasPrefix(b, nextGroup)
}
