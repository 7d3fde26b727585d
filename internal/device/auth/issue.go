package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
)

// How long certificates are valid. A certificate that must end earlier stands in
// the deny list; the key of an authority is answered by rotation.
const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 90 * 24 * time.Hour
	// slack is how far clocks may be apart: a certificate begins that much before
	// it is made, and is believed that much after its end.
	slack = 48 * time.Hour
)

// Authority signs the certificates of one cluster.
type Authority struct {
	cluster string // AnyCluster when it is made from a cluster key
	cert    *x509.Certificate
	key     crypto.Signer
}

// NewAuthority draws the key of an authority for a cluster, apart from any
// cluster key.
func NewAuthority(cluster string, now time.Time) (*Authority, error) {
	if err := CheckName(cluster); err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "drawing a private key: %w", err)
	}
	return newAuthority(cluster, key, &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "foci " + cluster, Organization: []string{cluster}},
		NotBefore:    now.Add(-slack),
		NotAfter:     now.Add(authorityLife),
	})
}

// newAuthority signs an authority's own certificate.
func newAuthority(cluster string, key crypto.Signer, c *x509.Certificate) (*Authority, error) {
	c.KeyUsage, c.IsCA, c.MaxPathLenZero, c.BasicConstraintsValid = x509.KeyUsageCertSign, true, true, true
	a := &Authority{cluster: cluster, key: key}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "making the authority's certificate: %w", err)
	}
	return a, nil
}

// ParseAuthority reads an authority from its certificate and its private key, as
// PEM. Of several certificates the one that belongs to the key counts.
func ParseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	secret, _ := pem.Decode(keyPEM)
	if secret == nil {
		return nil, foci.Errorf(foci.Invalid, "the authority's private key is not PEM")
	}
	k, err := x509.ParsePKCS8PrivateKey(secret.Bytes)
	if err != nil {
		return nil, foci.Errorf(foci.Invalid, "the authority's private key: %w", err)
	}
	key, is := k.(crypto.Signer)
	if !is || !goodPublicKey(key.Public()) {
		return nil, foci.Errorf(foci.Invalid, "the authority's private key is neither Ed25519 nor ECDSA")
	}
	certs, err := parseCertificates(certPEM)
	if err != nil {
		return nil, err
	}
	for _, c := range certs {
		if c.IsCA && len(c.Subject.Organization) == 1 && samePublicKey(key.Public(), c.PublicKey) {
			return &Authority{cluster: c.Subject.Organization[0], cert: c, key: key}, nil
		}
	}
	return nil, foci.Errorf(foci.Invalid, "these are not the certificate and the private key of an authority that foci made")
}

// goodPublicKey reports whether certificates are made for a key of this kind.
func goodPublicKey(k crypto.PublicKey) bool {
	switch k.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey:
		return true
	}
	return false
}

func samePublicKey(a, b crypto.PublicKey) bool {
	e, is := a.(interface{ Equal(crypto.PublicKey) bool })
	return is && e.Equal(b)
}

// parseCertificates reads the certificates of a PEM text; other blocks are left
// out.
func parseCertificates(text []byte) (out []*x509.Certificate, err error) {
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, foci.Errorf(foci.Invalid, "a certificate cannot be read: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// Cluster is the name of the authority's cluster, or AnyCluster.
func (a *Authority) Cluster() string { return a.cluster }

// Cert is the authority's certificate, as PEM: what peers believe.
func (a *Authority) Cert() []byte { return certPEM(a.cert.Raw) }

// Key is its private key, as PEM: a process that has it can make members.
func (a *Authority) Key() ([]byte, error) { return keyPEM(a.key) }

// Node makes the certificate of a node and its private key, as PEM.
func (a *Authority) Node(id foci.NodeID, name string, now time.Time) (cert, key []byte, err error) {
	return a.issue(Name{Cluster: a.cluster, Node: id}, name, now)
}

// Client makes the credential file of a client with these rights: its
// certificate, its private key and the authority's certificate.
func (a *Authority) Client(name string, r rights.Rights, now time.Time) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	cert, key, err := a.issue(Name{Cluster: a.cluster, Client: name, Rights: r}, name, now)
	if err != nil {
		return nil, err
	}
	return bundleText(name, r, cert, key, a.Cert()), nil
}

// bundleText is the content of a client's credential file.
func bundleText(name string, r rights.Rights, cert, key, ca []byte) []byte {
	head := fmt.Sprintf("# Foci client credential of %s, rights %q. Give it with --credential or FOCI_CREDENTIAL; it is not good for a node.\n", name, r)
	return slices.Concat([]byte(head), cert, key, ca)
}

// issue draws a private key and signs a certificate for it.
func (a *Authority) issue(who Name, called string, now time.Time) (cert, key []byte, err error) {
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, foci.Errorf(foci.Internal, "drawing a private key: %w", err)
	}
	der, err := a.sign(who, called, public, now)
	if err != nil {
		return nil, nil, err
	}
	key, err = keyPEM(secret)
	return certPEM(der), key, err
}

// sign makes the certificate of an identity for a public key.
func (a *Authority) sign(who Name, called string, public crypto.PublicKey, now time.Time) ([]byte, error) {
	uris, err := who.uris()
	if err != nil {
		return nil, err
	}
	uses := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if !who.Node.IsZero() {
		uses = append(uses, x509.ExtKeyUsageServerAuth)
	}
	c := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: called, Organization: []string{who.Cluster}},
		NotBefore:    now.Add(-slack),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  uses,
		URIs:         uris,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, public, a.key)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "making the certificate of %v: %w", who, err)
	}
	return der, nil
}

func certPEM(ders ...[]byte) []byte {
	var b bytes.Buffer
	for _, der := range ders {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}

func keyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "writing a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}
