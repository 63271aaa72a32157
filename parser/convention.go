package parser

import "sync"

var conventionTable = sync.OnceValue(func() *keyTable {
	table, err := newKeyTable(nil)
	if err != nil {
		panic("parser: the keys by convention are wrong: " + err.Error())
	}
	return table
})

// Convention returns the nginx variable that a key of a log means by its own name or
// by convention, if its values have the unit of the variable: clientip means
// remote_addr. Case, "_" and "-" do not matter.
func Convention(key string) (variable string, ok bool) {
	k := conventionTable().lookup(key)
	if k == nil || k.unit != inSeconds {
		return "", false
	}
	return k.variable.name, true
}

// Key returns the nginx variable that a key of a JSON line means, with the keys that
// the SetConfig gave. ok is false if it means none.
func (s *Set) Key(key string) (variable string, ok bool) {
	table := conventionTable()
	for _, f := range s.formats {
		if j, isJSON := f.(*JSONFormat); isJSON {
			table = j.keys
		}
	}
	k := table.lookup(key)
	if k == nil {
		return "", false
	}
	return k.variable.name, true
}

func (t *keyTable) lookup(key string) *key {
	var p path
	p.add([]byte(key))
	return t.find(&p)
}
