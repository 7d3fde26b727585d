package auth

import (
	"crypto/x509"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
)

// The bounds of renewals in one process: how many in a second, in bursts of as
// many, and how long one principal waits between two.
const (
	renewalsPerSecond = 5
	renewalPause      = time.Second
	maxRenewals       = 1024 // principals that are remembered for the pause
)

// Issues reports whether this process can renew certificates.
func (c *Certificates) Issues() bool { return c.current().signer != nil }

// Renew signs a certificate for the identity and the rights in the certificate of a
// peer, and for no other identity. It fails with
// Denied when this process has no issuing key, or the peer's certificate is not
// good any more, and with Busy over the bounds.
func (c *Certificates) Renew(s *Shown, q *wire.Renew) (*wire.Renewed, error) {
	l := c.current()
	if s == nil || l.signer == nil {
		return nil, &foci.Error{
			Kind: foci.Denied, Msg: "this node renews no certificates: it has neither the cluster key nor an issuing key",
			Fix: "ask a node that has one: key, or issuing_key under [tls], in foci.toml",
		}
	}
	if err := c.Valid(s); err != nil && !mutant.On(mutant.RenewDenied) {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(q.PublicKey)
	if err != nil || !goodPublicKey(public) {
		return nil, foci.Errorf(foci.Invalid, "want a public key of Ed25519 or ECDSA, as PKIX")
	}
	who := s.Name()
	if err := c.renewals.admit(who.Principal(), c.now()); err != nil {
		return nil, err
	}
	who.Cluster = l.signer.cluster
	if mutant.On(mutant.RenewWidens) {
		who.Rights = rights.Full()
	}
	a := new(wire.Renewed)
	if a.Certificate, err = l.signer.sign(who, string(who.Principal()), public, c.now()); err != nil {
		return nil, err
	}
	for _, ca := range l.authorities {
		a.Authorities = append(a.Authorities, ca.Raw)
	}
	return a, nil
}

// renewals bound the certificates that are signed for other processes.
type renewals struct {
	mu     sync.Mutex
	last   map[rights.Principal]time.Time
	tokens float64
	filled time.Time
}

// admit fails with Busy when a principal has to wait.
func (r *renewals) admit(who rights.Principal, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last, r.tokens = map[rights.Principal]time.Time{}, renewalsPerSecond
	}
	r.tokens = min(renewalsPerSecond, r.tokens+now.Sub(r.filled).Seconds()*renewalsPerSecond)
	r.filled = now
	last, known := r.last[who]
	switch {
	case known && now.Sub(last).Abs() < renewalPause:
		return &foci.Error{Kind: foci.Busy, Msg: "the certificate of " + string(who) + " was renewed a moment ago", RetryAfter: renewalPause - now.Sub(last).Abs()}
	case r.tokens < 1:
		return &foci.Error{Kind: foci.Busy, Msg: "too many certificates are being renewed here", RetryAfter: time.Second}
	}
	if !known && len(r.last) >= maxRenewals {
		for other := range r.last { // any: the pause is a courtesy, the tokens are the bound
			delete(r.last, other)
			break
		}
	}
	r.tokens--
	r.last[who] = now
	return nil
}
