// Package index says where things are in the log of a backend: rows in Pebble,
// ordered so that a range of ids, the versions of an object and the keys of a
// bucket are each one scan. It owns the rows' format, and is the only package that
// knows Pebble.
//
// The index is derived from the log alone and holds the position up to which it has
// read it (the cursor, in [Meta]): whatever happens to the index, the rest of the
// log is read again, from there or from the beginning. It has no write-ahead log:
// the backend's own holds the same and is synced; a second one would double what a
// put writes and bring its own ways to fail.
//
// # Goroutines and locks
//
// All methods may be called at the same time, but for [Rows], which one goroutine
// fills, and commits, of which one runs at a time. Opening, each commit and closing
// run on goroutines of their own: when the disk is full they wait for space, and
// when Pebble gives up they never end. The caller goes on then. The package has no
// locks; Index.trouble is an atomic, and Index.gone is closed once.
package index
