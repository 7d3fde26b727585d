// Package wire is every message that processes send each other. Messages are
// encoded by package codec; what logs keep of them is in package record.
//
// It owns no state, starts no goroutine and takes no lock.
package wire
