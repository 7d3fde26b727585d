package beacon

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
)

// A packet is a mark, a wire.Beacon, and a code over both that only holders of
// the key can make.
const (
	mark     = "FOCB\x01" // and the version
	codeSize = sha256.Size
)

// KeyLabel says what the key of beacons is derived from the cluster key for.
const KeyLabel = "foci beacon 1"

// seal makes the packet of a beacon, of at most wire.MaxBeacon bytes.
func seal(key *[32]byte, b *wire.Beacon) []byte {
	b.Fit(wire.MaxBeacon - len(mark) - codeSize)
	p := b.Append([]byte(mark))
	return append(p, code(newMAC(key), p)...)
}

// open reads a packet. Nothing of it is parsed before its code has been checked.
func open(mac hash.Hash, p []byte) (*wire.Beacon, error) {
	if len(p) < len(mark)+codeSize || len(p) > wire.MaxBeacon || string(p[:len(mark)]) != mark {
		return nil, foci.Errorf(foci.Protocol, "a packet of %d bytes that is no beacon", len(p))
	}
	said, proof := p[:len(p)-codeSize], p[len(p)-codeSize:]
	if !hmac.Equal(proof, code(mac, said)) {
		return nil, foci.Errorf(foci.Denied, "a beacon made without this cluster's key")
	}
	b := new(wire.Beacon)
	return b, codec.Unmarshal(said[len(mark):], b)
}

// openAny reads a packet that was made with any of several keys.
func openAny(macs []hash.Hash, p []byte) (b *wire.Beacon, err error) {
	for _, mac := range macs {
		if b, err = open(mac, p); foci.KindOf(err) != foci.Denied {
			return b, err
		}
	}
	return b, err
}

func newMAC(key *[32]byte) hash.Hash { return hmac.New(sha256.New, key[:]) }

func code(mac hash.Hash, said []byte) []byte {
	mac.Reset()
	mac.Write(said) // never fails
	return mac.Sum(nil)
}
