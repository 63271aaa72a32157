package encode

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"unicode/utf8"

	"clearhop/record"
	"clearhop/verdict"
)

// appendByTable is the event by a walk through the table of fields: what the generated
// code is held to.
func appendByTable(dst []byte, r *record.Record) []byte {
	return append(appendMembers(append(dst, '{'), tree, r), '}', '\n')
}

var tree = grow(fields, "")

var geoStates = []record.GeoState{record.GeoFound, record.GeoNotFound, record.GeoPrivate, record.GeoMissing, record.GeoStale, record.GeoError}

// A filler gives each part of a record a random value, or none.
type filler struct {
	random *rand.Rand
	text   []byte
	often  int // of 10 parts, how many get a value
}

func (f filler) fill(v reflect.Value) {
	if v.Kind() != reflect.Struct && f.random.IntN(10) >= f.often {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[netip.Addr]():
		all := []string{"192.0.2.7", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%eth0"}
		v.Set(reflect.ValueOf(netip.MustParseAddr(all[f.random.IntN(len(all))])))
		return
	case reflect.TypeFor[record.GeoState]():
		v.SetString(string(geoStates[f.random.IntN(len(geoStates))]))
		return
	case reflect.TypeFor[verdict.Verdict]():
		v.SetUint(f.random.Uint64N(uint64(verdict.NumVerdicts)))
		return
	case reflect.TypeFor[verdict.Reason]():
		v.SetUint(f.random.Uint64N(uint64(verdict.NumReasons)))
		return
	case reflect.TypeFor[verdict.Hop]():
		v.SetUint(f.random.Uint64N(uint64(verdict.NumHops)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				f.fill(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]byte]() {
			v.SetBytes(f.part())
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), f.random.IntN(4), 4))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.String:
		v.SetString(string(f.part()))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(f.random.Int64() >> f.random.IntN(64))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(f.random.Uint64N(256))
	case reflect.Float64:
		v.SetFloat(f.random.NormFloat64())
	}
}

// part is a random part of the text. The whole is as likely as none of it.
func (f filler) part() []byte {
	from := f.random.IntN(len(f.text) + 1)
	switch part := f.text[from:]; f.random.IntN(3) {
	case 0:
		return part
	case 1:
		return f.text
	default:
		return part[:f.random.IntN(len(part)+1)]
	}
}

// randomRecord makes a record of any parts that a record can have, and of some that it
// cannot.
func randomRecord(seed uint64, text []byte) *record.Record {
	f := filler{random: rand.New(rand.NewPCG(seed, seed)), text: text, often: int(seed % 11)}
	r := &record.Record{}
	f.fill(reflect.ValueOf(r).Elem())
	r.Timestamp = MinTime + f.random.Int64N(MaxTime-MinTime+1)
	r.Line.Origin = &record.Origin{}
	f.fill(reflect.ValueOf(r.Line.Origin).Elem())
	return r
}

// FuzzGenerated: the generated code writes what a walk through the table writes, for every
// choice of parts that are there.
func FuzzGenerated(f *testing.F) {
	for seed := range uint64(110) {
		f.Add(seed, []byte("/hello?q=1 \"x\" \\ \x1b[31m héllo \xff\u009b Mozilla/5.0 (X11; Linux x86_64)"))
	}
	e, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, seed uint64, text []byte) {
		r := randomRecord(seed, text)
		got, want := e.Append([]byte("before "), r), appendByTable([]byte("before "), r)
		if !bytes.Equal(got, want) {
			t.Errorf("the generated code writes\n%s\nand the table\n%s", got, want)
		}
	})
}

// appendStringSlowly is appendString, byte by byte.
func appendStringSlowly(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r < 0x20 || r == '"' || r == '\\':
			dst = appendEscape(dst, byte(r))
		case 0x7F <= r && r < 0xA0:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xF])
		default:
			dst = utf8.AppendRune(dst, r) // U+FFFD for a byte of no character
		}
		s = s[size:]
	}
	return append(dst, '"')
}

// FuzzAppendString: a string that is looked through eight bytes at a time comes out as one
// that is read byte by byte, wherever in the eight bytes something stands.
func FuzzAppendString(f *testing.F) {
	for c := range 256 {
		f.Add([]byte{byte(c)})
	}
	f.Add([]byte("\x80\x7f\x20\x1f\x22\x5c\x21\x23\x5b\x5d\x00\xff\xa0"))
	f.Add([]byte("héllo 日本 \u009b\U0001F600 \xed\xa0\x80"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for before := range 9 {
			for _, behind := range []string{"", "x", "12345678", "1234567890\""} {
				s := "aaaaaaaaa"[:before] + string(text) + behind
				want := appendStringSlowly(nil, s)
				if got := appendString(nil, s); !bytes.Equal(got, want) {
					t.Fatalf("%q gives %s, want %s", s, got, want)
				}
				if got := appendString(nil, []byte(s)); !bytes.Equal(got, want) {
					t.Fatalf("the bytes %q give %s, want %s", s, got, want)
				}
			}
		}
	})
}

// TestCodesNeedNoEscape: a code is written as it stands.
func TestCodesNeedNoEscape(t *testing.T) {
	var codes []string
	for i := range 256 {
		codes = append(codes, record.Dataset(i).String(), record.TimeSource(i).String())
	}
	for i := range verdict.NumVerdicts {
		codes = append(codes, verdict.Verdict(i).String())
	}
	for i := range verdict.NumReasons {
		codes = append(codes, verdict.Reason(i).String())
	}
	for i := range verdict.NumHops {
		codes = append(codes, verdict.Hop(i).String())
	}
	for _, state := range geoStates {
		codes = append(codes, string(state))
	}
	for _, code := range codes {
		if got := string(appendString(nil, code)); got != `"`+code+`"` {
			t.Errorf("%q is %s in JSON", code, got)
		}
	}
}
