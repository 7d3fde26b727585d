package auth

import (
	"crypto/x509"
)

// Shown is the certificate of a peer, kept to be judged again while a channel of the
// peer is open. nil is none.
type Shown struct {
	name   Name
	chain  []*x509.Certificate
	use    x509.ExtKeyUsage
	judged uint64 // the change of Certificates by which it was judged last
}

// Name is the identity in it; the zero Name for none.
func (s *Shown) Name() Name {
	if s == nil {
		return Name{}
	}
	return s.name
}

// Judge judges a certificate again that was good before. It fails with Denied.
// The signatures are verified again only after a change of what is believed.
func (c *Certificates) Judge(s *Shown) error {
	c.current()                 // reads what has changed
	changes := c.changes.Load() // before what is believed, as in Conn.Peer
	l, now := c.cur.Load(), c.now()
	if s.judged == changes {
		if pastSlack(s.chain[0], now) {
			return expired(s.chain[0])
		}
		return nil
	}
	if _, err := c.check(l, s.chain, s.use, now); err != nil {
		return err
	}
	s.judged = changes
	return nil
}
