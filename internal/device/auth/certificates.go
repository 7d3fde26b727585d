package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
)

// maxPEM bounds each file of certificates, in bytes.
const maxPEM = 256 << 10

// loaded is one generation of certificates: the process's own with its key, and the
// authorities whose certificates it believes.
type loaded struct {
	name        Name
	own         tls.Certificate
	authorities []*x509.Certificate // the order is that of their source
	roots       *x509.CertPool
	signer      *Authority // that this process can sign with; nil: none
	listen      *tls.Config
	dial        *tls.Config
}

// parse makes a generation from the contents of three files: PEM.
func parse(certPEM, keyPEM, caPEM []byte) (*loaded, error) {
	own, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, foci.Errorf(foci.Invalid, "certificate and private key: %w", err)
	}
	authorities, err := parseCertificates(caPEM)
	if err != nil {
		return nil, err
	}
	return newLoaded(own, authorities)
}

// newLoaded makes a generation of the process's own certificate and authorities.
func newLoaded(own tls.Certificate, authorities []*x509.Certificate) (*loaded, error) {
	l := &loaded{own: own, authorities: authorities, roots: x509.NewCertPool()}
	switch {
	case len(authorities) == 0:
		return nil, foci.Errorf(foci.Invalid, "the ca has no certificate in it (PEM)")
	case len(authorities) > wire.MaxAuthorities:
		return nil, foci.Errorf(foci.TooLarge, "the ca has %d certificates in it, want at most %d", len(authorities), wire.MaxAuthorities)
	case own.Leaf == nil:
		return nil, foci.Errorf(foci.Invalid, "the certificate cannot be read")
	}
	for _, a := range authorities {
		l.roots.AddCert(a)
	}
	var err error
	if l.name, err = nameOf(own.Leaf); err != nil {
		return nil, foci.Errorf(foci.Invalid, "the certificate of this process: %w", err)
	}
	return l, nil
}

// configure makes the settings of TLS. Peers are not judged by host names: see
// check.
func (c *Certificates) configure(l *loaded) {
	both := tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{l.own},
		// Bulk wants full records, and pings fit into one of any size.
		DynamicRecordSizingDisabled: true,
	}
	l.listen = both.Clone()
	// Any certificate passes here and is judged after the handshake: so a client is
	// told what is wrong with its own, which a TLS alert cannot say.
	l.listen.ClientAuth = tls.RequireAnyClientCert
	l.dial = both.Clone()
	l.dial.InsecureSkipVerify = true // VerifyConnection below does it instead: nodes have no host names
	l.dial.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
	l.dial.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := c.check(c.cur.Load(), s.PeerCertificates, x509.ExtKeyUsageServerAuth, c.now())
		return err
	}
}

// maxChain is the most certificates that a peer may show: its own and what stands
// between it and an authority. Each more costs signatures to be verified, for a
// peer that is not authenticated yet.
const maxChain = 3

// sessions is how many addresses' TLS sessions are kept for a quicker return.
const sessions = 1024

// check verifies the certificates of a peer and reads its name.
func (c *Certificates) check(l *loaded, chain []*x509.Certificate, use x509.ExtKeyUsage, now time.Time) (Name, error) {
	switch {
	case len(chain) == 0:
		return Name{}, foci.Errorf(foci.Denied, "there is no certificate")
	case len(chain) > maxChain && !mutant.On(mutant.LongChains):
		return Name{}, foci.Errorf(foci.Denied, "a chain of %d certificates: want at most %d", len(chain), maxChain)
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := chain[0]
	when := now
	if now.After(leaf.NotAfter) && (!pastSlack(leaf, now) || mutant.On(mutant.ExpiredCertificate)) {
		when = leaf.NotAfter
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: l.roots, Intermediates: between, CurrentTime: when, KeyUsages: []x509.ExtKeyUsage{use},
	})
	if err != nil && !(mutant.On(mutant.ForeignAuthority) && errors.As(err, new(x509.UnknownAuthorityError))) {
		return Name{}, unbelieved(err, leaf, now)
	}
	n, err := nameOf(leaf)
	if err == nil {
		err = c.denied.Load().check(leaf, n)
	}
	return n, err
}

// pastSlack reports whether a certificate has ended for every clock that may be
// right.
func pastSlack(leaf *x509.Certificate, now time.Time) bool {
	return now.After(leaf.NotAfter.Add(slack))
}

// unbelieved is the error for a certificate that is not believed.
func unbelieved(err error, leaf *x509.Certificate, now time.Time) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.After(leaf.NotAfter):
		return expired(leaf)
	case errors.As(err, &unknown):
		return &foci.Error{
			Kind: foci.Denied, Msg: "the certificate is not of an authority (cluster key or ca) that is trusted here", Err: err,
			Fix: "compare the cluster key or the ca of both sides, or make a new credential from the one in use",
		}
	}
	return foci.Errorf(foci.Denied, "the certificate is not good: %w", err)
}

func expired(leaf *x509.Certificate) error {
	return &foci.Error{
		Kind: foci.Denied, Msg: "the certificate expired at " + leaf.NotAfter.UTC().Format(time.RFC3339),
		Fix: "make a new one with foci credential; if it should be valid, set the clock",
	}
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
