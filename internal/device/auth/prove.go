package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// Lengths of what crosses the wire, in bytes.
const (
	NonceSize = wire.NonceSize
	ProofSize = wire.ProofSize
)

// What secrets are derived with, and what each side's proof begins with: they
// differ, so that a proof cannot be sent back to the one who made it.
const (
	labelMember   = "foci member 1"
	labelClient   = "foci client 1 "
	labelDialler  = "foci dialler's proof 1"
	labelListener = "foci listener's proof 1"
)

// Side is an end of a channel.
type Side bool

// The sides.
const (
	Dialler  Side = false
	Listener Side = true
)

// Claim is what the dialling side says in its hello before anything is proved:
// a fresh nonce, and the name of the client whose key it will prove; "" for a
// member.
type Claim struct {
	Nonce  [NonceSize]byte
	Client string
}

// Append encodes: the nonce, then the name to the end.
func (c *Claim) Append(b []byte) []byte { return append(append(b, c.Nonce[:]...), c.Client...) }

// ParseClaim decodes; it fails with Protocol.
func ParseClaim(b []byte) (Claim, error) {
	if len(b) < NonceSize || len(b) > NonceSize+MaxName {
		return Claim{}, foci.Errorf(foci.Protocol, "a claim of %d bytes: want a nonce of %d and a name of at most %d", len(b), NonceSize, MaxName)
	}
	c := Claim{Nonce: [NonceSize]byte(b), Client: string(b[NonceSize:])}
	if c.Client != "" {
		if err := CheckName(c.Client); err != nil {
			return Claim{}, foci.Errorf(foci.Protocol, "a claim: %w", err)
		}
	}
	return c, nil
}

// Secret is what both sides of one handshake have to know.
type Secret [KeySize]byte

// Prove makes a side's proof of a handshake: hello and welcome are the contents
// of these frames, nonce is the listener's; the dialler's is in the hello. So no
// field can be changed on the way, and no proof serves twice.
func (s Secret) Prove(side Side, hello []byte, nonce [NonceSize]byte, welcome []byte) [ProofSize]byte {
	h := hmac.New(sha256.New, s[:])
	label := labelDialler
	if side == Listener {
		label = labelListener
	}
	var size [4]byte
	for _, part := range [][]byte{[]byte(label), hello, nonce[:], welcome} {
		binary.LittleEndian.PutUint32(size[:], uint32(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return [ProofSize]byte(h.Sum(nil))
}

// Check reports whether a proof is that side's. It takes the same time for
// every wrong one.
func (s Secret) Check(proof [ProofSize]byte, side Side, hello []byte, nonce [NonceSize]byte, welcome []byte) bool {
	want := s.Prove(side, hello, nonce, welcome)
	return hmac.Equal(want[:], proof[:])
}
