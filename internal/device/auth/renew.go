package auth

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// Digest is that of the authorities that this process believes, in their order.
// A node sends it in its welcome, so that a client notices a change.
func (c *Certificates) Digest() []byte {
	return binary.LittleEndian.AppendUint64(nil, c.current().digest())
}

func (l *loaded) digest() uint64 {
	h := sha256.New()
	for _, a := range l.authorities {
		h.Write(a.Raw) // never fails
	}
	return binary.LittleEndian.Uint64(h.Sum(nil)) | 1 // 0 is none
}

// Heard records the digest in the welcome of a node.
func (c *Certificates) Heard(digest []byte) {
	if len(digest) == 8 {
		c.heard.Store(binary.LittleEndian.Uint64(digest))
	}
}

// Due reports whether this process should have its certificate renewed by
// another node: two thirds of its life are over, or the nodes believe other
// authorities than this client does.
func (c *Certificates) Due() bool {
	from, is := c.source.(renewed)
	if !is {
		return false // a holder of the cluster key renews its own
	}
	l, heard := c.current(), c.heard.Load()
	return renewable(l.own.Leaf, c.now()) || from.follows() && heard != 0 && heard != l.digest()
}

// Renewal is a request for a certificate.
type Renewal struct {
	Request wire.Renew
	key     crypto.Signer
}

// NewRenewal prepares a request for a certificate.
func (c *Certificates) NewRenewal() (*Renewal, error) {
	from, is := c.source.(renewed)
	own, signs := c.current().own.PrivateKey.(crypto.Signer)
	if !is || !signs {
		return nil, foci.Errorf(foci.Internal, "this certificate is not renewed by others")
	}
	key, err := from.draw(own)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "drawing a private key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "writing a public key: %w", err)
	}
	return &Renewal{wire.Renew{PublicKey: public}, key}, nil
}

// Adopt puts the answer to a renewal in use and stores it; what cannot be stored
// is logged, and stays in use until the process ends. It fails with Denied when
// the certificate is not of this process, or is not signed by an authority that is believed
// already: only an authority can name others.
func (c *Certificates) Adopt(r *Renewal, a *wire.Renewed) error {
	l, err := c.answered(r, a)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.adopt(l)
	if err := c.source.(renewed).store(l); err != nil {
		c.log.Warn("the renewed certificate cannot be stored; it is used until this process ends", "name", l.name, "err", err)
	}
	c.seen = c.source.stamp(c.now())
	c.log.Info("certificate renewed", "name", l.name, "ends", l.own.Leaf.NotAfter)
	return nil
}

// RenewOwn renews the process's certificate with its own issuing key.
func (c *Certificates) RenewOwn(r *Renewal) error {
	l := c.current()
	der, err := l.signer.sign(l.name, string(l.name.Principal()), r.key.Public(), c.now())
	if err != nil {
		return err
	}
	return c.Adopt(r, &wire.Renewed{Certificate: der})
}

// answered makes a generation of an answer.
func (c *Certificates) answered(r *Renewal, a *wire.Renewed) (*loaded, error) {
	old := c.cur.Load()
	leaf, err := x509.ParseCertificate(a.Certificate)
	if err != nil {
		return nil, foci.Errorf(foci.Denied, "the renewed certificate cannot be read: %w", err)
	}
	if !samePublicKey(r.key.Public(), leaf.PublicKey) {
		return nil, foci.Errorf(foci.Denied, "the renewed certificate is of another key than ours")
	}
	authorities := old.authorities
	if c.source.(renewed).follows() {
		authorities = nil
		for _, der := range a.Authorities {
			ca, err := x509.ParseCertificate(der)
			if err != nil || !ca.IsCA {
				return nil, foci.Errorf(foci.Denied, "an authority that came with the renewed certificate cannot be used")
			}
			authorities = append(authorities, ca)
		}
	}
	l, err := newLoaded(tls.Certificate{Certificate: [][]byte{a.Certificate}, PrivateKey: r.key, Leaf: leaf}, authorities)
	if err != nil {
		return nil, err
	}
	l.signer = old.signer
	if !l.name.Equal(old.name) && !mutant.On(mutant.RenewRenames) {
		return nil, foci.Errorf(foci.Denied, "the renewed certificate is of %v with rights %q, ours is of %v with rights %q", l.name, l.name.Rights, old.name, old.name.Rights)
	}
	for _, by := range []*loaded{old, l} {
		if by == old && mutant.On(mutant.RenewByAnybody) {
			continue
		}
		if _, err := c.check(by, []*x509.Certificate{leaf}, x509.ExtKeyUsageClientAuth, c.now()); err != nil {
			return nil, foci.Errorf(foci.Denied, "the renewed certificate: %w", err)
		}
	}
	return l, nil
}

// Valid fails with Denied when the certificate of a peer is no longer good.
func (c *Certificates) Valid(s *Shown) error {
	_, err := c.check(c.current(), s.chain, s.use, c.now())
	return err
}
