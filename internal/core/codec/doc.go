// Package codec encodes structs for the wire and for logs: little-endian, integers of
// fixed size, every length checked against its limit before memory is allocated.
// Packages record, wire and frame use it.
//
// Compatibility: a decoder ignores bytes after the last field that it knows,
// so later versions may append fields; any other change needs a new protocol version.
//
// It owns no state, starts no goroutine and takes no lock.
package codec
