// Package wire defines every message between processes, and the table of methods.
// Package codec encodes the messages; package record has the parts that logs keep.
//
// It owns no state, starts no goroutine and takes no lock.
package wire
