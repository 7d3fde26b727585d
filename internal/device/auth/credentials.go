package auth

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// Credentials are what a process proves itself with, and what it judges others
// by. nil is none: nothing is proved, and nothing is asked.
type Credentials struct {
	key    *Key
	client *ClientKey
	tls    *Certificates
}

// WithKey are the credentials of a member that has the cluster key.
func WithKey(k Key) *Credentials { return &Credentials{key: &k} }

// WithClientKey are those of a client.
func WithClientKey(c ClientKey) *Credentials { return &Credentials{client: &c} }

// WithCertificates are those of whoever the certificate names. A cluster key
// beside it (nil: none) is not proved on connections; it authenticates the
// packets of multicast.
func WithCertificates(c *Certificates, k *Key) *Credentials { return &Credentials{key: k, tls: c} }

// Step is how this process proves who it is: wire.AuthNone, AuthKey or AuthTLS.
func (c *Credentials) Step() uint8 {
	switch {
	case c == nil:
		return wire.AuthNone
	case c.tls != nil:
		return wire.AuthTLS
	}
	return wire.AuthKey
}

// Key is the cluster key, if this process has it.
func (c *Credentials) Key() (Key, bool) {
	if c == nil || c.key == nil {
		return Key{}, false
	}
	return *c.key, true
}

// Certificates are those of TLS, or nil.
func (c *Credentials) Certificates() *Certificates {
	if c == nil {
		return nil
	}
	return c.tls
}

// Fit reports with Denied that these credentials are not good for a role.
func (c *Credentials) Fit(role foci.Role) error {
	if c == nil || role == foci.RoleTransport {
		return nil
	}
	if c.client != nil {
		return notForMembers("client " + c.client.Name)
	}
	if c.tls != nil {
		return c.tls.fit()
	}
	return nil
}

func notForMembers(who string) error {
	return &foci.Error{
		Kind: foci.Denied, Msg: "the credential of " + who + " is not good for a member",
		Fix: "a node needs the cluster key, or a certificate that names it, as foci init makes them",
	}
}

// Claim is what the dialling side says in its hello.
func (c *Credentials) Claim(nonce [NonceSize]byte) Claim {
	claim := Claim{Nonce: nonce}
	if c != nil && c.client != nil && c.tls == nil {
		claim.Client = c.client.Name
	}
	return claim
}

// Secret is what a handshake is proved with by the one who made the claim, as
// either side works it out. It fails with Denied for what this process cannot
// judge: a client knows no secret but its own.
func (c *Credentials) Secret(claim *Claim) (Secret, error) {
	switch {
	case c != nil && c.client != nil && claim.Client == c.client.Name:
		return c.client.Secret, nil
	case c != nil && c.key != nil && claim.Client == "":
		return c.key.Derive(labelMember), nil
	case c != nil && c.key != nil:
		k, err := c.key.Client(claim.Client)
		return k.Secret, err
	}
	return Secret{}, foci.Errorf(foci.Denied, "there is no key here to judge this by")
}
