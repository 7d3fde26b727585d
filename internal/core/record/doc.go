// Package record has the transactions of an object: [Record] is one, [Entry] is it
// without its payload; [Manifest] and [ChunkMeta] describe the chunks of a large
// object; [Vote] and [Watermark] are a replica's state of an object. Their encoding is that of package codec, on disk and on the wire, so
// a change of it is a change of both formats.
//
// It owns no state, starts no goroutine and takes no lock.
package record
