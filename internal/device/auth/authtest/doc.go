// Package authtest makes credentials for tests: files of clients, and what they
// and nodes prove themselves with.
//
// It owns no state, starts no goroutine and takes no lock.
package authtest
