// Package record is what logs and content hashes are about: one transaction
// ([Record], without its payload [Entry]), what a large object's content is made
// of ([Manifest], [ChunkMeta]), and a replica's state of one object ([Vote],
// [Watermark]). Their encoding is that of package codec, on disk and on the wire, so
// a change of it is a change of both formats.
//
// It owns no state, starts no goroutine and takes no lock.
package record
