// Package update downloads GeoIP databases and puts them into S3.
//
//	u, err := update.New(settings, aws.Config{…})
//	summary, err := u.Run(ctx)
//
// In go the names of MaxMind's editions, or URLs. Out come the objects city.mmdb and
// asn.mmdb under a prefix of a bucket, from which other programs load them. Run
// updates one database after the other:
//
//  1. It asks S3 for the metadata of the database in place, which say which release
//     it is.
//  2. It asks the source for another release. If there is none, the database is
//     unchanged.
//  3. It downloads the release into a temporary file, unpacks it, and compares its
//     checksum if there is one.
//  4. It reads the whole database. It refuses one that is damaged, of the wrong
//     kind, or older than the one in place.
//  5. It puts the database in place. S3 does this completely or not at all.
//
// After a failure the database in place stays as it was, and the next database is
// still tried. Errors never contain the licence key, or the query or user of a URL.
//
// An Updater is safe for concurrent use, since it keeps nothing from Run to Run.
package update
