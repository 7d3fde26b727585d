package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/files"
)

// Credentials are what a process authenticates itself and its peers with. nil is
// none: nothing is proved, and nothing is asked.
type Credentials struct {
	keys *Keys
	tls  *Certificates // nil: keys alone, and not yet bound to an identity
	deny func(*Certificates) error
}

// WithKey are the credentials of a process that has the cluster key. They prove
// nothing until [Credentials.For] has made a certificate from it.
func WithKey(k Key) *Credentials { return WithKeys(TheseKeys(k)) }

// WithKeys are the same with the keys of a file.
func WithKeys(k *Keys) *Credentials { return &Credentials{keys: k} }

// WithCertificates are the credentials of the identity in a certificate of a
// separate authority. Cluster keys beside it (nil: none) are not proved on
// connections; they authenticate the packets of multicast.
func WithCertificates(c *Certificates, k *Keys) *Credentials { return &Credentials{keys: k, tls: c} }

// keyClient is the client that a process with the cluster key is when it is no
// member.
const keyClient = "cluster-key"

// For are these credentials for one process: a holder of the cluster key signs a
// certificate for itself, as a member or, with the role of a transport client, as
// the client "cluster-key". Credentials that have a certificate already are
// returned as they are.
func (c *Credentials) For(cluster string, node foci.NodeID, role foci.Role) (*Credentials, error) {
	if c == nil || c.tls != nil {
		return c, nil
	}
	who := Name{Cluster: cluster, Node: node, Rights: rights.Full()}
	if cluster == "" {
		who.Cluster = AnyCluster
	}
	if role == foci.RoleTransport {
		who.Node, who.Client = foci.NodeID{}, keyClient
	}
	_, leaf, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "drawing a private key: %w", err)
	}
	certs, err := newCertificates(c.keys.log, time.Now, &keySource{c.keys, who, leaf})
	if err != nil {
		return nil, err
	}
	if c.deny != nil {
		if err := c.deny(certs); err != nil {
			return nil, err
		}
	}
	return &Credentials{keys: c.keys, tls: certs}, nil
}

// Deny denies the certificates and identities that a file lists; see
// [Certificates.Deny].
func (c *Credentials) Deny(fs files.FS, path string) error {
	c.deny = func(certs *Certificates) error { return certs.Deny(fs, path) }
	if c.tls != nil {
		return c.deny(c.tls)
	}
	_, err := (&denyFile{fs: fs, path: path}).look()
	return err
}

// Step is how this process proves its identity: StepNone or StepTLS.
func (c *Credentials) Step() uint8 {
	if c == nil {
		return StepNone
	}
	return StepTLS
}

// Keys are the cluster keys that this process has, or nil.
func (c *Credentials) Keys() *Keys {
	if c == nil {
		return nil
	}
	return c.keys
}

// Certificates are those of TLS: nil without credentials, and for a cluster key
// before [Credentials.For].
func (c *Credentials) Certificates() *Certificates {
	if c == nil {
		return nil
	}
	return c.tls
}

// Fit reports with Denied that these credentials are not good for a role.
func (c *Credentials) Fit(role foci.Role) error {
	if c == nil || c.tls == nil || role == foci.RoleTransport {
		return nil
	}
	if n := c.tls.Name(); n.Node.IsZero() {
		return notForMembers("client " + n.Client)
	}
	return nil
}

func notForMembers(who string) error {
	return &foci.Error{
		Kind: foci.Denied, Msg: "the credential of " + who + " is not good for a member",
		Fix: "a node needs the cluster key, or a certificate that names it, as foci init makes them",
	}
}
