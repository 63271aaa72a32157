package encode

import (
	"net/netip"
	"strconv"
	"strings"

	"clearhop/record"
)

// A Type is the type of a field's value.
type Type string

// The types.
const (
	String     Type = "string"
	IP         Type = "ip"        // a string with an IPv4 or IPv6 address
	Timestamp  Type = "timestamp" // a string: RFC 3339, UTC, milliseconds, "Z"
	Integer    Type = "integer"   // 64 bits, signed
	Decimal    Type = "number"
	Boolean    Type = "boolean"
	StringList Type = "string[]"
	ObjectList Type = "object[]"
	StringMap  Type = "map" // string to string
)

// A Field describes one field of the event, for schemas and documentation.
type Field struct {
	Path   string // with dots: client.geo.city_name
	Type   Type
	Unit   string  // empty if there is none
	Doc    string  // Markdown
	From   string  // Markdown: where the value comes from
	Always bool    // every event has it
	Items  []Field // of an ObjectList, with paths inside the object
}

// A field is a Field of a T and the way to its value. Exactly one of the functions
// is set. A value is absent if the function returns nil, "", false or a zero Int,
// or appends nothing.
//
// One function put(dst, v) for all types would be simpler, but it costs a second
// call for each field. BenchmarkAppend was run alternately with both (median
// processor time of an event, no allocation in any):
//
//   - put appends key and value: 8.2 µs, this struct 6.9 µs (40 runs each);
//   - put appends the value, and the caller removes the key if nothing came: 8.9 µs,
//     this struct 8.0 µs (25 runs each).
type field[T any] struct {
	Field
	key     []byte // the last part of the path as a JSON key with its colon
	text    func(*T) []byte
	word    func(*T) string
	instead func(*T) []byte // beside word: the value where word has none
	integer func(*T) record.Int
	decimal func(*T) (float64, bool)
	boolean func(*T) (value, ok bool)
	address func(*T) netip.Addr
	time    func(*T) int64
	append  func([]byte, *T) []byte
	open    byte // of append: the brackets around what it appends
	close   byte
	seconds bool // integer holds nanoseconds and is written as seconds
}

func text[T any](path, doc, from string, value func(*T) []byte) field[T] {
	return field[T]{Field: Field{Path: path, Type: String, Doc: doc, From: from}, text: value}
}

func word[T any](path, doc, from string, value func(*T) string) field[T] {
	return field[T]{Field: Field{Path: path, Type: String, Doc: doc, From: from}, word: value}
}

// code is word for a value of a known set, none of which needs an escape in JSON.
func code[T any](path, doc, from string, value func(*T) string) field[T] {
	return word(path, doc, from, value)
}

// wordOr is word, with the value of instead where word has none.
func wordOr[T any](path, doc, from string, value func(*T) string, instead func(*T) []byte) field[T] {
	f := word(path, doc, from, value)
	f.instead = instead
	return f
}

func integer[T any](path, unit, doc, from string, value func(*T) record.Int) field[T] {
	return field[T]{Field: Field{Path: path, Type: Integer, Unit: unit, Doc: doc, From: from}, integer: value}
}

func seconds[T any](path, from string, nanoseconds func(*T) record.Int) field[T] {
	return field[T]{Field: Field{Path: path, Type: Decimal, Unit: "seconds", From: from}, integer: nanoseconds, seconds: true}
}

func decimal[T any](path, unit, doc, from string, value func(*T) (float64, bool)) field[T] {
	return field[T]{Field: Field{Path: path, Type: Decimal, Unit: unit, Doc: doc, From: from}, decimal: value}
}

func boolean[T any](path, doc, from string, value func(*T) (value, ok bool)) field[T] {
	return field[T]{Field: Field{Path: path, Type: Boolean, Doc: doc, From: from}, boolean: value}
}

func address[T any](path, doc, from string, value func(*T) netip.Addr) field[T] {
	return field[T]{Field: Field{Path: path, Type: IP, Doc: doc, From: from}, address: value}
}

func timestamp[T any](path, doc, from string, value func(*T) int64) field[T] {
	return field[T]{Field: Field{Path: path, Type: Timestamp, Unit: "ms", Doc: doc, From: from}, time: value}
}

func list[T any](path, doc, from string, appendItems func([]byte, *T) []byte) field[T] {
	return field[T]{Field: Field{Path: path, Type: StringList, Doc: doc, From: from}, append: appendItems, open: '[', close: ']'}
}

func dictionary[T any](path, doc, from string, appendMembers func([]byte, *T) []byte) field[T] {
	return field[T]{Field: Field{Path: path, Type: StringMap, Doc: doc, From: from}, append: appendMembers, open: '{', close: '}'}
}

func objects[T, U any](path, doc, from string, of []field[U], items func(*T) []U) field[T] {
	tree := grow(of, "")
	f := field[T]{Field: Field{Path: path, Type: ObjectList, Doc: doc, From: from}, open: '[', close: ']'}
	for _, item := range of {
		f.Items = append(f.Items, item.Field)
	}
	f.append = func(dst []byte, v *T) []byte {
		us := items(v)
		for i := range us {
			dst = append(appendComma(dst), '{')
			dst = appendMembers(dst, tree, &us[i])
			dst = append(dst, '}')
		}
		return dst
	}
	return f
}

// A node is a field, or an object that holds nodes.
type node[T any] struct {
	field[T]
	children []node[T]
}

// grow makes a tree of fields whose paths start with prefix. Fields of one
// object must stand together, which the package's tests assert.
func grow[T any](fields []field[T], prefix string) []node[T] {
	var nodes []node[T]
	for i := 0; i < len(fields); {
		name, rest, nested := strings.Cut(strings.TrimPrefix(fields[i].Path, prefix), ".")
		n := node[T]{field: fields[i]}
		n.key = append(appendString(nil, name), ':')
		i++
		if nested && rest != "" {
			inside := prefix + name + "."
			from := i - 1
			for i < len(fields) && strings.HasPrefix(fields[i].Path, inside) {
				i++
			}
			n.field = field[T]{key: n.key}
			n.children = grow(fields[from:i], inside)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// appendMembers appends the members of an object without its brackets.
func appendMembers[T any](dst []byte, nodes []node[T], v *T) []byte {
	for i := range nodes {
		n := &nodes[i]
		switch {
		case n.children != nil:
			dst = n.appendObject(dst, v)
		case n.text != nil:
			if b := n.text(v); b != nil {
				dst = appendString(append(appendComma(dst), n.key...), b)
			}
		case n.word != nil:
			dst = n.appendWord(dst, v)
		case n.integer != nil:
			if i := n.integer(v); i.Valid {
				dst = append(appendComma(dst), n.key...)
				if n.seconds {
					dst = appendSeconds(dst, i.N)
				} else {
					dst = strconv.AppendInt(dst, i.N, 10)
				}
			}
		case n.boolean != nil:
			if b, ok := n.boolean(v); ok {
				dst = strconv.AppendBool(append(appendComma(dst), n.key...), b)
			}
		case n.address != nil:
			if addr := n.address(v); addr.IsValid() {
				dst = appendAddr(append(append(appendComma(dst), n.key...), '"'), addr)
			}
		case n.decimal != nil:
			if x, ok := n.decimal(v); ok {
				dst = strconv.AppendFloat(append(appendComma(dst), n.key...), x, 'f', -1, 64)
			}
		case n.time != nil:
			dst = appendTime(append(append(appendComma(dst), n.key...), '"'), n.time(v))
		default:
			dst = n.appendList(dst, v)
		}
	}
	return dst
}

// appendObject appends the members of n as one object, unless all are absent.
func (n *node[T]) appendObject(dst []byte, v *T) []byte {
	mark := len(dst)
	dst = append(append(appendComma(dst), n.key...), '{')
	inside := len(dst)
	dst = appendMembers(dst, n.children, v)
	if len(dst) == inside {
		return dst[:mark]
	}
	return append(dst, '}')
}

// appendWord appends a word, or the text that the record has instead of it.
func (n *node[T]) appendWord(dst []byte, v *T) []byte {
	if s := n.word(v); s != "" {
		return appendString(append(appendComma(dst), n.key...), s)
	}
	if n.instead != nil {
		if b := n.instead(v); b != nil {
			return appendString(append(appendComma(dst), n.key...), b)
		}
	}
	return dst
}

// appendList appends what the field itself writes, unless that is nothing.
func (n *node[T]) appendList(dst []byte, v *T) []byte {
	mark := len(dst)
	dst = append(append(appendComma(dst), n.key...), n.open)
	inside := len(dst)
	dst = n.append(dst, v)
	if len(dst) == inside {
		return dst[:mark]
	}
	return append(dst, n.close)
}

// appendComma appends the comma that an item needs unless it is the first.
func appendComma(dst []byte) []byte {
	switch dst[len(dst)-1] {
	case '{', '[':
		return dst
	}
	return append(dst, ',')
}

// appendAddr appends what follows the opening quote of an address.
func appendAddr(dst []byte, addr netip.Addr) []byte {
	if !addr.Is4() {
		return append(addr.AppendTo(dst), '"')
	}
	var text [len(`255.255.255.255"`)]byte
	n := 0
	for _, b := range addr.As4() {
		if b >= 100 {
			text[n] = '0' + b/100
			n++
		}
		if b >= 10 {
			text[n] = '0' + b/10%10
			n++
		}
		text[n], text[n+1] = '0'+b%10, '.'
		n += 2
	}
	text[n-1] = '"' // was the dot behind the last number
	return append(dst, text[:n]...)
}
