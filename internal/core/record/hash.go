package record

import (
	"encoding/binary"

	"github.com/zeebo/xxh3"
)

// Hash is the xxh3-128 of a transaction's content.
type Hash [16]byte

// Add adds o to h as a 128-bit number modulo 2^128: a sum in which order does
// not matter, so that a late append costs O(1).
func (h Hash) Add(o Hash) Hash {
	lo := binary.LittleEndian.Uint64(h[:8])
	hi := binary.LittleEndian.Uint64(h[8:])
	olo := binary.LittleEndian.Uint64(o[:8])
	ohi := binary.LittleEndian.Uint64(o[8:])
	sum := lo + olo
	carry := uint64(0)
	if sum < lo {
		carry = 1
	}
	var out Hash
	binary.LittleEndian.PutUint64(out[:8], sum)
	binary.LittleEndian.PutUint64(out[8:], hi+ohi+carry)
	return out
}

func hash128(v xxh3.Uint128) Hash {
	var h Hash
	binary.LittleEndian.PutUint64(h[:8], v.Lo)
	binary.LittleEndian.PutUint64(h[8:], v.Hi)
	return h
}

// ContentHash hashes operation, manifest flag, metadata and payload. Transactions
// of one version are the same when their hashes are.
func ContentHash(op Op, manifest bool, meta, payload []byte) Hash {
	if len(meta) == 0 && !manifest {
		return hash128(xxh3.Hash128Seed(payload, uint64(op)))
	}
	h := xxh3.NewSeed(uint64(op))
	_, _ = h.Write(contentHead(manifest, meta))
	_, _ = h.Write(meta)
	_, _ = h.Write(payload)
	return hash128(h.Sum128())
}

// contentHead is hashed before metadata and payload.
func contentHead(manifest bool, meta []byte) []byte {
	var head [5]byte
	binary.LittleEndian.PutUint32(head[:4], uint32(len(meta)))
	if manifest {
		head[4] = 1
	}
	return head[:]
}
