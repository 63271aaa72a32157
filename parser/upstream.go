package parser

import (
	"bytes"

	"clearhop/record"
)

var (
	nextTry   = []byte(", ")
	nextGroup = []byte(" : ")
)

// listEnd returns where an unquoted $upstream_* list ends: an item has no
// space, and what follows ", " or " : " is another item.
func listEnd(b, literal []byte) int {
	n := 0
	for {
		for n < len(b) && b[n] != ' ' && b[n] != ',' && !(len(literal) > 0 && b[n] == literal[0]) {
			n++
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
		item := value
		value = nil
		if n := listItem(item); n < len(item) {
			separator := len(nextTry)
			if item[n] == ' ' {
				separator = len(nextGroup)
			}
			item, value = item[:n], item[n+separator:]
		}
		if i == len(a.Upstream) {
			if i == maxTries {
				return "more tries than nginx can make"
			}
			a.Upstream = append(a.Upstream, record.Upstream{})
		}
		if len(item) == 0 || len(item) == 1 && item[0] == '-' {
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

// listItem returns how long the first item of a list is.
func listItem(b []byte) int {
	for i := range b {
		if b[i] == ',' && bytes.HasPrefix(b[i:], nextTry) || b[i] == ' ' && bytes.HasPrefix(b[i:], nextGroup) {
			return i
		}
	}
	return len(b)
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
