// Package index maps ids, versions and keys to positions in the log of a backend. Its
// rows are in Pebble, ordered so that a range of ids, the versions of an object and
// the keys of a bucket are each one scan. It owns the format of the rows.
//
// The index is derived from the log alone, and stores the position up to which it has
// applied the log (the cursor, in [Meta]). After a crash the log is applied from the
// cursor, after the loss of the index from the beginning. So Pebble has no write-ahead
// log: the backend's log is synced, and a second one would double the bytes written by
// a put.
//
// # Goroutines and locks
//
// All methods may be called at the same time, but for [Rows], which one goroutine
// fills, and commits, of which one runs at a time. Opening, each commit and closing
// run on goroutines of their own: when the disk is full they wait for space, and
// when Pebble gives up they never end. The caller goes on then. The package has no
// locks; Index.trouble is an atomic, and Index.gone is closed once.
package index
