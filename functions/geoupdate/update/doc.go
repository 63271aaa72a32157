// Package update fetches GeoIP databases and puts them into S3.
//
//	u, err := update.New(settings, aws.Config{…})
//	summary, err := u.Run(ctx)
//
// In go the names of MaxMind's editions, or URLs; out come the objects city.mmdb
// and asn.mmdb below a prefix of a bucket, for those who load them from there.
// For each database, one after the other, Run
//
//  1. asks S3 what is in place, and by the object's metadata which release it is,
//  2. asks where it comes from for a release that is another one; if there is
//     none, that is all,
//  3. downloads it into a temporary file, unpacks it and holds it to its
//     checksum, where there is one,
//  4. reads all of it: a database that is damaged, of the wrong kind or older
//     than the one in place is refused,
//  5. puts it in place, which S3 does at once or not at all.
//
// What fails leaves the one in place as it was, and does not keep the others
// from being tried. No error holds the licence key, a query or a user of a URL.
package update
