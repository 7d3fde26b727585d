// Package files reads and replaces small files whole: keys, certificates, lists
// of what is denied. A client needs no more of a disk, so it links neither
// package vfs nor the storage engine whose file system that is.
//
// It owns no state, starts no goroutine and takes no lock.
package files
