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
	var p path
	p.add([]byte(key))
	k := conventionTable().find(&p)
	if k == nil || k.unit != inSeconds {
		return "", false
	}
	return k.variable.name, true
}
