package wire

// Lengths of nonces and proofs, in bytes: those of HMAC-SHA-256.
const (
	NonceSize = 32
	ProofSize = 32
)

// Challenge answers a hello in AuthKey: the listening side proves itself first,
// over the welcome that it will send when the dialling side has done the same.
type Challenge struct {
	Nonce   [NonceSize]byte
	Proof   [ProofSize]byte
	Welcome []byte // the contents of the frame to come, at most MaxWelcome bytes
}

// MaxWelcome is the most bytes of a Welcome in a Challenge.
const MaxWelcome = MaxHello / 2

// Append encodes.
func (c *Challenge) Append(b []byte) []byte {
	return appendBytes(append(append(b, c.Nonce[:]...), c.Proof[:]...), c.Welcome)
}

// Decode decodes.
func (c *Challenge) Decode(r *Reader) {
	r.Fixed(c.Nonce[:])
	r.Fixed(c.Proof[:])
	c.Welcome = r.Bytes(MaxWelcome)
}

// Proof answers a challenge.
type Proof struct{ Proof [ProofSize]byte }

// Append encodes.
func (p *Proof) Append(b []byte) []byte { return append(b, p.Proof[:]...) }

// Decode decodes.
func (p *Proof) Decode(r *Reader) { r.Fixed(p.Proof[:]) }
