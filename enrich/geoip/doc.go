// Package geoip looks up where the network of a client's address is used, and which
// autonomous system announces it.
//
// In goes a [netip.Addr]; out comes a [Result]: a [Place] from a City or a
// Country database and an [AS] from an ASN database, each with a [State] that
// says how the look-up went. The databases are files in the MaxMind DB format,
// read through geoip2-golang: GeoLite2, GeoIP2, DB-IP, or the ones that the
// program makedb in this folder builds from freely licensed data.
//
//	databases, err := geoip.Open(geoip.Config{
//		CityPath: "build/geoip/country.mmdb",
//		ASNPath:  "build/geoip/asn.mmdb",
//		MaxAge:   60 * 24 * time.Hour,
//	})
//	if err != nil {
//		return err
//	}
//	defer databases.Close()
//
//	reader := databases.NewReader() // one for each goroutine
//	result, err := reader.Lookup(netip.MustParseAddr("8.8.8.8"))
//	fmt.Println(result.Place.State, result.Place.CountryISOCode) // found US
//
// # What is not an error
//
// An address that no database knows, one that is never routed on the internet,
// a database that is not configured and one that has grown old are states, not
// errors: the event is written either way. Open fails on a file that is
// missing, damaged or of the wrong kind. Lookup fails only on a database that
// turns out to be damaged where the address is, see [LookupError]; the next
// look-ups go on.
//
// # What a place means
//
// A place says where a network is used, as somebody estimated it. It is right
// about the country for most networks, often wrong about the city, and never
// tells a person or a household. The country in which a network is merely
// registered is not taken for the place: it is the seat of a company or of a
// registry, and a map of clients would show it as theirs. For 1.1.1.1, of which
// GeoLite2 gives the registered country alone, the state is therefore
// [StateNotFound].
//
// # Concurrency
//
// A [Databases] serves any number of goroutines. A [Reader] has a cache of its
// own, without locks, and serves one goroutine at a time. Close may not overlap
// a look-up, and no Reader may be used after it.
//
// # New versions
//
// Replace puts a new version of a database in the place of the one before while
// Readers look up in it. A [Reloader] looks for new versions of the files and
// objects that [Settings] name. [Verify] reads a file through, which takes seconds,
// for programs that publish new versions.
//
// The files are mapped into memory. Replace one by renaming a new file over it,
// never by writing into it.
package geoip
