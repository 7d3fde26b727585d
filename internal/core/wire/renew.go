package wire

import "github.com/foci-store/foci/internal/core/codec"

// Limits of a renewal: bytes of a public key and of a certificate, and the number
// of authorities that are trusted at a time.
const (
	MaxPublicKey   = 512
	MaxCertificate = 8 << 10
	MaxAuthorities = 8
)

// Renew asks for a certificate for another public key, with the identity and the
// rights that the asker has proved on this channel.
type Renew struct {
	PublicKey []byte // PKIX, DER
}

// Append encodes.
func (q *Renew) Append(b []byte) []byte { return codec.AppendBytes(b, q.PublicKey) }

// Decode decodes.
func (q *Renew) Decode(r *codec.Reader) { q.PublicKey = r.Bytes(MaxPublicKey) }

// Renewed answers a Renew.
type Renewed struct {
	Certificate []byte   // DER
	Authorities [][]byte // that the answerer trusts, DER, in its order
}

// Append encodes.
func (a *Renewed) Append(b []byte) []byte {
	b = codec.AppendU32(codec.AppendBytes(b, a.Certificate), uint32(len(a.Authorities)))
	for _, c := range a.Authorities {
		b = codec.AppendBytes(b, c)
	}
	return b
}

// Decode decodes.
func (a *Renewed) Decode(r *codec.Reader) {
	a.Certificate = r.Bytes(MaxCertificate)
	for range r.Count(MaxAuthorities, 4) {
		a.Authorities = append(a.Authorities, r.Bytes(MaxCertificate))
	}
}
