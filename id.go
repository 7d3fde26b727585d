package foci

import (
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
)

// ID is a place on the ring: 512 bits, compared as a big-endian number.
type ID [sha512.Size]byte

// ObjectID is the id of an object: SHA-512 over bucket, a zero byte and key.
// A valid name contains no NUL, so no two names have the same input.
func ObjectID(n Name) ID {
	b := make([]byte, 0, MaxBucketLen+1+128)
	b = append(b, n.Bucket...)
	b = append(b, 0)
	b = append(b, n.Key...)
	return sha512.Sum512(b)
}

// UploadID names one upload of one large object; its chunks belong to it alone.
type UploadID [16]byte

// ChunkID is the id of one chunk: SHA-512 over bucket, 0x01, upload and index.
// Chunks are spread over the ring independently of the object they belong to.
func ChunkID(bucket string, upload UploadID, index uint32) ID {
	b := make([]byte, 0, MaxBucketLen+1+len(upload)+4)
	b = append(b, bucket...)
	b = append(b, 1)
	b = append(b, upload[:]...)
	b = binary.BigEndian.AppendUint32(b, index)
	return sha512.Sum512(b)
}

// Prefix is the first 64 bits of the id; ring points are such prefixes.
func (id ID) Prefix() uint64 { return binary.BigEndian.Uint64(id[:8]) }

// String is the whole id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short is the first eight bytes in hexadecimal, for people and logs.
func (id ID) Short() string { return hex.EncodeToString(id[:8]) }
