package geoip

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/oschwald/geoip2-golang/v2"
)

// TypeError is returned by Open for a file that is a database of another kind
// than its setting asks for, or of a kind that geoip2-golang does not know.
type TypeError struct {
	Path string
	Type string // what the file calls itself, such as "GeoLite2-ASN"
	Want string // the kinds that would do, such as "City, Country or Enterprise"
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("database %s is of type %q, want one of type %s", e.Path, e.Type, e.Want)
}

// LookupError is returned by Reader.Lookup when a database is damaged where the
// address is. It names the file, not the address.
type LookupError struct {
	Path string
	Err  error
}

func (e *LookupError) Error() string {
	return fmt.Sprintf("look up in %s: %v", e.Path, e.Err)
}

func (e *LookupError) Unwrap() error { return e.Err }

// database is one open file. A nil *database stands for one that is not
// configured.
type database struct {
	*geoip2.Reader

	path    string
	expires time.Time // when it is Config.MaxAge old
}

// kind is what a setting asks of its file. try calls the look-up method that
// will be used; geoip2 refuses it by type before it reads anything.
type kind struct {
	want string
	try  func(*geoip2.Reader) error
}

var (
	placeKind = kind{
		want: "City, Country or Enterprise",
		try: func(r *geoip2.Reader) error {
			_, err := r.City(netip.IPv4Unspecified())
			return err
		},
	}
	asKind = kind{
		want: "ASN or ISP",
		try: func(r *geoip2.Reader) error {
			_, err := r.ASN(netip.IPv4Unspecified())
			return err
		},
	}
)

func open(path string, want kind, maxAge time.Duration) (*database, error) {
	if path == "" {
		return nil, nil
	}
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	reader, err := geoip2.Open(path)
	if _, ok := errors.AsType[geoip2.UnknownDatabaseTypeError](err); ok {
		// The file is open nevertheless.
		return nil, errors.Join(&TypeError{path, reader.Metadata().DatabaseType, want.want}, reader.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	if _, ok := errors.AsType[geoip2.InvalidMethodError](want.try(reader)); ok {
		return nil, errors.Join(&TypeError{path, reader.Metadata().DatabaseType, want.want}, reader.Close())
	}
	expires := reader.Metadata().BuildTime().Add(maxAge)
	return &database{Reader: reader, path: path, expires: expires}, nil
}

// checkFile finds what mapping the file would only report obscurely. Its
// errors leave the path out: the caller names it.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	return nil
}

// place looks addr up and also gives the network that the answer holds for.
func (d *database) place(addr netip.Addr) (Place, netip.Prefix, error) {
	if d == nil {
		return Place{State: StateMissing}, wholeFamily(addr), nil
	}
	if d.lacksFamily(addr) {
		return Place{State: StateNotFound}, wholeFamily(addr), nil
	}
	record, err := d.City(addr)
	if err != nil {
		return Place{State: StateError}, netip.Prefix{}, &LookupError{d.path, err}
	}
	return placeOf(record), holdingFor(addr, record.Traits.Network), nil
}

// as looks addr up and also gives the network that the answer holds for.
func (d *database) as(addr netip.Addr) (AS, netip.Prefix, error) {
	if d == nil {
		return AS{State: StateMissing}, wholeFamily(addr), nil
	}
	if d.lacksFamily(addr) {
		return AS{State: StateNotFound}, wholeFamily(addr), nil
	}
	record, err := d.ASN(addr)
	if err != nil {
		return AS{State: StateError}, netip.Prefix{}, &LookupError{d.path, err}
	}
	return asOf(record), holdingFor(addr, record.Network), nil
}

// lacksFamily reports whether the database knows no address of addr's family.
// Asked for IPv6, a database of IPv4 alone would answer with an error.
func (d *database) lacksFamily(addr netip.Addr) bool {
	return d.Metadata().IPVersion == 4 && !addr.Is4()
}

// holdingFor is the network that geoip2 answered for. A database of IPv6
// without any IPv4 answers an IPv4 address with an IPv6 network around all of
// IPv4.
func holdingFor(addr netip.Addr, network netip.Prefix) netip.Prefix {
	if addr.Is4() != network.Addr().Is4() {
		return wholeFamily(addr)
	}
	return network
}

// wholeFamily is 0.0.0.0/0 or ::/0.
func wholeFamily(addr netip.Addr) netip.Prefix {
	if addr.Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}
