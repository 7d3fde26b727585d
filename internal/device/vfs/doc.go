// Package vfs is the file system of the storage engine: that of the operating system,
// or one in memory that can crash, tear writes and fail, for tests. It is Pebble's
// interface, so that the index and the segments are tested by the same crashes.
// [Waiting] waits while a disk is full; [Fork] changes a directory in memory only.
//
// The package starts no goroutines; callers of a Waiting wait on their own. Locks:
// space.gate is held for reading during a change of a Waiting, and space.mu may be
// taken inside it; Fork.mu and Crashable.mu are never held together with another.
package vfs
