// Package record defines the transactions of an object: [Record] is one transaction,
// [Entry] is a record without payload; [Manifest] and [ChunkMeta] describe the chunks
// of a large object; [Vote] and [Watermark] are a replica's state of an object. Package
// codec encodes them on disk and on the wire, so a change of one changes both formats.
//
// It owns no state, starts no goroutine and takes no lock.
package record
