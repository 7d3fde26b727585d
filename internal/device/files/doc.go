// Package files reads and replaces small files whole: keys, certificates, deny lists.
// Clients need no other files, so they link neither package vfs nor Pebble.
//
// It owns no state, starts no goroutine and takes no lock.
package files
