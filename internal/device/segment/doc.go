// Package segment is the log of a backend: a chain of append-only files of records
// with checksums.
//
// A record is a head (kind, identity, lengths, checksums) and its payload, with a
// CRC32C for every 64 KiB, so that any range can be read and verified alone. Every
// record states up to which position its segment was synced when it was written. This
// distinguishes a torn tail, which is dropped, from damage to acknowledged records,
// which is an error. A segment gets its name only when it is durable, and its header
// seals the length of the one before.
//
// The package starts no goroutines. A Writer and a Batch belong to one goroutine;
// Files and what it opens may be used by many. The only lock is Files.mu; files are
// opened outside of it.
package segment

import (
	"hash/crc32"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

// Format is the version of the format; others are refused.
const Format = 1

// Block is how much payload one checksum covers.
const Block = 64 << 10

// MaxSize bounds a segment, so that positions fit in 32 bits.
const MaxSize = 1 << 30

// Kind is the kind of a record.
type Kind uint8

// The kinds of records.
const (
	Object    Kind = 1 // a transaction of an object, or a chunk
	Epoch     Kind = 2 // the backend adopted a layout epoch
	Watermark Kind = 3 // the watermark of a range of ids was raised
	Mark      Kind = 4 // nothing but a claim that everything before it is synced
	Hint      Kind = 5 // a group may lack something of an object
	Unhint    Kind = 6 // the hint was delivered
	numKinds  Kind = 7
)

// Record is what is appended. Of the wire record an Object uses everything; a
// Watermark its Version, and of its ID the two prefixes of the range; an Epoch its
// Size; a Hint and an Unhint their ID, and the group as Size.
type Record struct {
	Kind Kind
	record.Record
}

// Loc is where a record is.
type Loc struct {
	Segment uint64
	Offset  uint32 // of the head in its segment
	Head    uint32 // bytes of head; the payload follows
	Length  uint32 // bytes of payload
}

// End is the position after the record and its padding.
func (l Loc) End() Pos { return Pos{Segment: l.Segment, Offset: l.end()} }

func (l Loc) end() uint32 { return l.Offset + l.Head + pad8(l.Length) }

// Pos is a place between records.
type Pos struct {
	Segment uint64
	Offset  uint32
}

// Less orders places along the chain.
func (p Pos) Less(q Pos) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func crcUpdate(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }

var zero4 [4]byte

func pad8(n uint32) uint32 { return (n + 7) &^ 7 }

func blocks(length uint32) uint32 { return (length + Block - 1) / Block }

func corrupt(format string, args ...any) error { return foci.Errorf(foci.Corrupt, format, args...) }
