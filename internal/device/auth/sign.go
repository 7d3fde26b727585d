package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// signedPrefix keeps a signature of a message apart from those of TLS, which are
// made with the same private key.
const signedPrefix = "foci signed message 1\x00"

// Sign signs a message with this process's own certificate, which VerifyMember
// of any peer needs beside the signature.
func (c *Certificates) Sign(msg []byte) (certDER, sig []byte, err error) {
	own := c.current().own
	key, is := own.PrivateKey.(crypto.Signer)
	if !is {
		return nil, nil, foci.Errorf(foci.Internal, "the private key of our certificate cannot sign")
	}
	input, hash := append([]byte(signedPrefix), msg...), crypto.Hash(0)
	if _, ec := key.Public().(*ecdsa.PublicKey); ec {
		sum := sha256.Sum256(input)
		input, hash = sum[:], crypto.SHA256
	}
	if sig, err = key.Sign(rand.Reader, input, hash); err != nil {
		return nil, nil, foci.Errorf(foci.Internal, "signing: %w", err)
	}
	return own.Leaf.Raw, sig, nil
}

// VerifyMember is the node that has signed a message by [Certificates.Sign]. It
// fails with Denied unless the certificate is a node's, of an authority that is
// believed, neither past its end nor denied, and the signature is of its key.
func (c *Certificates) VerifyMember(certDER, msg, sig []byte, now time.Time) (foci.NodeID, error) {
	if len(certDER) > wire.MaxCertificate {
		return foci.NodeID{}, foci.Errorf(foci.Denied, "a certificate of %d bytes: want at most %d", len(certDER), wire.MaxCertificate)
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return foci.NodeID{}, foci.Errorf(foci.Denied, "the signer's certificate cannot be read: %w", err)
	}
	name, err := c.check(c.current(), []*x509.Certificate{cert}, x509.ExtKeyUsageServerAuth, now)
	if err != nil {
		return foci.NodeID{}, err
	}
	if name.Node.IsZero() {
		return foci.NodeID{}, notForMembers("client " + name.Client)
	}
	if !signed(cert.PublicKey, append([]byte(signedPrefix), msg...), sig) {
		return foci.NodeID{}, foci.Errorf(foci.Denied, "the signature is not that of node %v", name.Node)
	}
	return name.Node, nil
}

// signed reports whether a signature of a message is that of a key.
func signed(key crypto.PublicKey, msg, sig []byte) bool {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(k, msg, sig)
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(msg)
		return ecdsa.VerifyASN1(k, sum[:], sig)
	}
	return false
}
