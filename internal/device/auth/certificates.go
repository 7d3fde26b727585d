package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/foci-store/foci"
)

// maxPEM bounds each file of certificates, in bytes.
const maxPEM = 256 << 10

// loaded is one generation of certificates: our own with its key, and the
// authorities whose certificates we believe.
type loaded struct {
	name   Name
	own    tls.Certificate
	roots  *x509.CertPool
	listen *tls.Config
	dial   *tls.Config
}

// parse makes a generation of the contents of three files: PEM.
func parse(certPEM, keyPEM, caPEM []byte) (*loaded, error) {
	own, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, foci.Errorf(foci.Invalid, "certificate and private key: %w", err)
	}
	l := &loaded{own: own, roots: x509.NewCertPool()}
	if !l.roots.AppendCertsFromPEM(caPEM) {
		return nil, foci.Errorf(foci.Invalid, "the ca has no certificate in it (PEM)")
	}
	if own.Leaf == nil {
		return nil, foci.Errorf(foci.Invalid, "the certificate cannot be read")
	}
	if l.name, err = nameOf(own.Leaf); err != nil {
		return nil, foci.Errorf(foci.Invalid, "our own certificate: %w", err)
	}
	l.configure()
	return l, nil
}

// configure makes the settings of TLS. Which peer is believed is not TLS's to
// decide by host names: see check.
func (l *loaded) configure() {
	both := tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{l.own},
		// Bulk wants full records, and pings fit into one of any size.
		DynamicRecordSizingDisabled: true,
	}
	l.listen = both.Clone()
	// Any certificate passes here and is judged after: so a client is told
	// what is wrong with its own, which an alert cannot say.
	l.listen.ClientAuth = tls.RequireAnyClientCert
	l.dial = both.Clone()
	l.dial.InsecureSkipVerify = true // VerifyConnection below does it instead: nodes have no host names
	l.dial.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
	l.dial.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := l.check(s.PeerCertificates, x509.ExtKeyUsageServerAuth, time.Now())
		return err
	}
}

// sessions is how many addresses' TLS sessions are kept for a quicker return.
const sessions = 1024

// check verifies a peer's certificates and reads its name.
func (l *loaded) check(chain []*x509.Certificate, use x509.ExtKeyUsage, now time.Time) (Name, error) {
	if len(chain) == 0 {
		return Name{}, foci.Errorf(foci.Denied, "there is no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: l.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use},
	})
	if err != nil {
		return Name{}, unbelieved(err, chain[0], now)
	}
	return nameOf(chain[0])
}

// unbelieved says why a certificate is not.
func unbelieved(err error, leaf *x509.Certificate, now time.Time) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.After(leaf.NotAfter):
		return foci.Errorf(foci.Denied, "the certificate expired at %s: %w", leaf.NotAfter.UTC().Format(time.RFC3339), foci.Cause(err))
	case errors.As(err, &unknown):
		return foci.Errorf(foci.Denied, "the certificate is not of an authority (ca) that is believed here: %w", err)
	}
	return foci.Errorf(foci.Denied, "the certificate is not good: %w", err)
}

// splitBundle takes a credential file with a client's certificates apart: what
// comes before the private key is the client's, what comes after it the ca.
func splitBundle(text []byte) (cert, key, ca []byte, err error) {
	for rest := text; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		switch {
		case b.Type == "CERTIFICATE" && key == nil:
			cert = append(cert, pem.EncodeToMemory(b)...)
		case b.Type == "CERTIFICATE":
			ca = append(ca, pem.EncodeToMemory(b)...)
		case key == nil:
			key = pem.EncodeToMemory(b)
		default:
			return nil, nil, nil, foci.Errorf(foci.Invalid, "a second private key")
		}
	}
	if cert == nil || key == nil || ca == nil {
		return nil, nil, nil, foci.Errorf(foci.Invalid, "a credential of certificates has three parts in this order: the client's certificate, its private key, the ca")
	}
	return cert, key, ca, nil
}
