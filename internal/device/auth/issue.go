package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// How long certificates are good. There is no list of those called back: who
// must go before his time needs another authority, or another cluster.
const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 5 * 365 * 24 * time.Hour
	backdated       = time.Hour // for clocks that are behind
)

// Authority makes the certificates of one cluster.
type Authority struct {
	cluster string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// NewAuthority makes one for a cluster.
func NewAuthority(cluster string, now time.Time) (*Authority, error) {
	if err := CheckName(cluster); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "drawing a private key: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "foci " + cluster, Organization: []string{cluster}},
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
	}
	a := &Authority{cluster: cluster, cert: c, key: key}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "making the ca's certificate: %w", err)
	}
	return a, nil
}

// ParseAuthority reads one from its certificate and private key, as PEM.
func ParseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	cert, _ := pem.Decode(certPEM)
	secret, _ := pem.Decode(keyPEM)
	if cert == nil || secret == nil {
		return nil, foci.Errorf(foci.Invalid, "the ca's certificate or private key is not PEM")
	}
	c, err := x509.ParseCertificate(cert.Bytes)
	if err != nil {
		return nil, foci.Errorf(foci.Invalid, "the ca's certificate: %w", err)
	}
	k, err := x509.ParsePKCS8PrivateKey(secret.Bytes)
	if err != nil {
		return nil, foci.Errorf(foci.Invalid, "the ca's private key: %w", err)
	}
	key, is := k.(*ecdsa.PrivateKey)
	if !is || !c.IsCA || len(c.Subject.Organization) != 1 || !key.PublicKey.Equal(c.PublicKey) {
		return nil, foci.Errorf(foci.Invalid, "these are not the certificate and the private key of a ca that foci made")
	}
	return &Authority{cluster: c.Subject.Organization[0], cert: c, key: key}, nil
}

// Cluster is whose authority it is.
func (a *Authority) Cluster() string { return a.cluster }

// Cert is the authority's certificate, as PEM: what is believed.
func (a *Authority) Cert() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Key is its private key, as PEM: whoever has it makes members.
func (a *Authority) Key() ([]byte, error) { return keyPEM(a.key) }

// Node makes the certificate of a node and its private key, as PEM.
func (a *Authority) Node(id foci.NodeID, name string, now time.Time) (cert, key []byte, err error) {
	return a.issue(Name{Cluster: a.cluster, Node: id}, name, now, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)
}

// Client makes a client's credential file.
func (a *Authority) Client(name string, now time.Time) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	cert, key, err := a.issue(Name{Cluster: a.cluster, Client: name}, name, now, x509.ExtKeyUsageClientAuth)
	return slices.Concat(cert, key, a.Cert()), err
}

func (a *Authority) issue(who Name, called string, now time.Time, uses ...x509.ExtKeyUsage) (cert, key []byte, err error) {
	uri, err := url.Parse(who.String())
	if err != nil {
		return nil, nil, foci.Errorf(foci.Internal, "%w", err)
	}
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, foci.Errorf(foci.Internal, "drawing a private key: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: called, Organization: []string{a.cluster}},
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  uses,
		URIs:         []*url.URL{uri},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, secret.Public(), a.key)
	if err != nil {
		return nil, nil, foci.Errorf(foci.Internal, "making the certificate of %v: %w", who, err)
	}
	key, err = keyPEM(secret)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, err
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
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
