package geoip

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// TypeError is returned by Open, Replace and Verify for a file that is a database of another kind
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
// address is, and by Replace and Verify for the addresses that they try. It
// names the file, not the address.
type LookupError struct {
	Path string
	Err  error
}

func (e *LookupError) Error() string {
	return fmt.Sprintf("look up in %s: %v", e.Path, e.Err)
}

func (e *LookupError) Unwrap() error { return e.Err }

// A Kind says what a database knows about an address.
type Kind int

const (
	// Places: a City, Country or Enterprise database.
	Places Kind = iota
	// Systems: an ASN or ISP database, of autonomous systems.
	Systems
)

// want lists the types of databases that are of the kind.
func (k Kind) want() string {
	if k == Places {
		return "City, Country or Enterprise"
	}
	return "ASN or ISP"
}

// database is one open file. A nil *database stands for one that is not
// configured.
type database struct {
	*maxminddb.Reader

	name  string // as Info and errors have it
	built time.Time
}

func open(kind Kind, name, path string) (*database, error) {
	if path == "" {
		return nil, nil
	}
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	reader, err := maxminddb.Open(path)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the name says it
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	d := &database{Reader: reader, name: name, built: reader.Metadata.BuildTime()}
	if err := d.checkKind(kind, path); err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return d, nil
}

// checkKind asks geoip2 whether it knows the type of the database, and whether a look-up
// of the kind is one for it. geoip2 checks that before it reads anything, and it goes by
// the name of the type alone. So it does not matter that it opens the file again.
func (d *database) checkKind(kind Kind, path string) error {
	wrong := &TypeError{d.name, d.Metadata.DatabaseType, kind.want()}
	again, err := geoip2.Open(path)
	if _, ok := errors.AsType[geoip2.UnknownDatabaseTypeError](err); ok {
		_ = again.Close() // it is open nevertheless, and was only read
		return wrong
	}
	if err != nil {
		return fmt.Errorf("database %s: %w", d.name, err)
	}
	defer func() { _ = again.Close() }()
	if again.Metadata().DatabaseType != d.Metadata.DatabaseType {
		return fmt.Errorf("database %s: another file took its place while it was opened", d.name)
	}
	if kind == Places {
		_, err = again.City(netip.IPv4Unspecified())
	} else {
		_, err = again.ASN(netip.IPv4Unspecified())
	}
	if _, ok := errors.AsType[geoip2.InvalidMethodError](err); ok {
		return wrong
	}
	return nil
}

// try looks an address up and reads what the database says of it.
func (d *database) try(kind Kind, addr netip.Addr) error {
	found := d.Lookup(addr)
	if kind == Places {
		return found.Decode(&geoip2.City{})
	}
	return found.Decode(&geoip2.ASN{})
}

// probe looks up addresses from the whole internet: four in each IPv4 /8, and the same
// number in 2000::/3.
func (d *database) probe(kind Kind) error {
	for i := range 1 << 10 {
		v4 := netip.AddrFrom4([4]byte{byte(i >> 2), byte(i<<6 | 1), 1, 1})
		v6 := netip.AddrFrom16([16]byte{0x20 + byte(i>>5), byte(i<<3 | 1), 1, 15: 1})
		for _, addr := range []netip.Addr{v4, v6} {
			if d.lacksFamily(addr) {
				continue
			}
			if err := d.try(kind, addr); err != nil {
				return &LookupError{d.name, err}
			}
		}
	}
	return nil
}

func (d *database) info() Info {
	metadata := d.Metadata
	return Info{
		Path:        d.name,
		Type:        metadata.DatabaseType,
		Built:       d.built.UTC(),
		IPVersion:   int(metadata.IPVersion), //nolint:gosec // 4 or 6
		Languages:   metadata.Languages,
		Description: metadata.Description["en"],
	}
}

// checkFile finds the faults for which the mapping of the file gives no clear error.
// Its errors do not name the path, because the caller adds it.
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

// lacksFamily reports whether the database knows no address of addr's family.
// Asked for IPv6, a database of IPv4 alone would answer with an error.
func (d *database) lacksFamily(addr netip.Addr) bool {
	return d.Metadata.IPVersion == 4 && !addr.Is4()
}
