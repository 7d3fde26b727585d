// Package codec encodes structs for the wire and for logs: little-endian, fixed
// where it can be, every length checked against its limit before anything is
// allocated. Packages record and wire and the frames share it.
//
// Compatibility: a decoder ignores bytes after the last field that it knows,
// so later versions may append fields; everything else needs a new protocol
// version in the hello.
//
// It owns no state, starts no goroutine and takes no lock.
package codec
