package wire

import (
	"bytes"
	"crypto/sha512"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
)

// MaxScope is the longest preimage of an id, in bytes: a bucket, a separator and
// a key.
const MaxScope = foci.MaxBucketLen + 1 + foci.MaxKeyLen

// Scope is the preimage of the id in a request: the id is its SHA-512. It begins
// with the bucket, so a replica knows the bucket before it looks into its store.
// It is empty in the requests of members, and of protocol 1.
type Scope struct{ Preimage []byte }

// ObjectScope is the preimage of an object's id.
func ObjectScope(n foci.Name) Scope {
	b := make([]byte, 0, len(n.Bucket)+1+len(n.Key))
	return Scope{append(append(append(b, n.Bucket...), 0), n.Key...)}
}

// ChunkScope is the preimage of a chunk's id.
func ChunkScope(bucket string, upload foci.UploadID, index uint32) Scope {
	b := make([]byte, 0, len(bucket)+1+len(upload)+4)
	b = append(append(append(b, bucket...), 1), upload[:]...)
	return Scope{append(b, byte(index>>24), byte(index>>16), byte(index>>8), byte(index))}
}

// Declare puts the scope into a request.
func (s *Scope) Declare(of Scope) { *s = of }

// Named reports whether the request has a preimage at all.
func (s *Scope) Named() bool { return len(s.Preimage) > 0 }

// Within is the bucket of the preimage; ok reports whether there is one and the
// id is the preimage's hash.
func (s *Scope) Within(id foci.ID) (bucket string, ok bool) {
	end := bytes.IndexAny(s.Preimage, "\x00\x01")
	if end <= 0 || sha512.Sum512(s.Preimage) != id && !mutant.On(mutant.ForgedScope) {
		return "", false
	}
	return string(s.Preimage[:end]), true
}

func (s *Scope) appendScope(b []byte) []byte { return codec.AppendBytes(b, s.Preimage) }

// decodeScope reads a scope; a message of protocol 1 ends before it.
func (s *Scope) decodeScope(r *codec.Reader) {
	s.Preimage = nil
	if r.More() {
		s.Preimage = r.Bytes(MaxScope)
	}
}

// reads is the need of a request for the object of a scope.
func (s *Scope) reads(id foci.ID) Need {
	return Need{Op: rights.Read, Verb: "read", Scope: s, ID: id}
}
