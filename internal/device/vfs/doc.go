// Package vfs is the only way to files: those of the operating system, or files in
// memory that can crash, tear and fail for tests. It is Pebble's file system
// interface, so that the index and our own segments stand on the same ground and are
// tested by the same crashes. [Waiting] waits while a disk is full; [Fork] changes a
// directory in memory only.
//
// The package starts no goroutines; callers of a Waiting wait on their own. Locks:
// space.gate is held for reading during a change of a Waiting, and space.mu may be
// taken inside it; Fork.mu and Crashable.mu are never held together with another.
package vfs
