// Package authtest makes credentials of clients and nodes for tests.
//
// It owns no state, starts no goroutine and takes no lock.
package authtest
