package auth

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"time"

	"github.com/foci-store/foci"
)

// labelAuthority is the purpose of the key of a cluster key's authority.
const labelAuthority = "foci authority 1"

// Authority is the authority that the cluster key is: its private key is derived
// from the cluster key by HKDF-SHA-256, and nothing in its certificate depends on
// the time, the process or the cluster's name. So each holder of the key makes
// the same authority, and what one holder signs the others believe.
func (k Key) Authority() (*Authority, error) {
	seed, err := hkdf.Key(sha256.New, k[:], nil, labelAuthority, ed25519.SeedSize)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "deriving the authority of the cluster key: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	id := sha256.Sum256(key.Public().(ed25519.PublicKey))
	return newAuthority(AnyCluster, key, &x509.Certificate{
		SerialNumber: big.NewInt(1),
		// The name differs from key to key, so that a verifier tries one of two.
		Subject:      pkix.Name{CommonName: "foci cluster key " + hex.EncodeToString(id[:8]), Organization: []string{AnyCluster}},
		SubjectKeyId: id[:20],
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	})
}
