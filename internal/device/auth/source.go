package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/files"
)

// source is where certificates come from.
type source interface {
	// read makes the generation that holds at a time.
	read(now time.Time) (*loaded, error)
	// stamp is the same as long as nothing has changed.
	stamp(now time.Time) string
	// remake reports whether a certificate is to be made anew although nothing
	// has changed.
	remake(own *x509.Certificate, now time.Time) bool
}

// renewed is a source whose certificates another node renews.
type renewed interface {
	source
	// draw is the private key for a new certificate in place of own.
	draw(own crypto.Signer) (crypto.Signer, error)
	// follows reports whether the authorities are those of the node that renews.
	follows() bool
	// store writes a new generation to where the old one was read.
	store(l *loaded) error
}

// Files name what TLS needs, as PEM.
type Files struct {
	Cert string // of this process, with what stands between it and the ca
	Key  string // its private key, which others may not read
	CA   string // the authorities whose certificates are believed

	// IssuingKey is the private key of one of the authorities in CA, with which this
	// node renews certificates for others and for itself; "" = it does not.
	IssuingKey string
}

// fileSource are certificates in three files.
type fileSource struct {
	fs    files.FS
	files Files
}

func (s *fileSource) read(time.Time) (*loaded, error) {
	cert, err := readFile(s.fs, s.files.Cert, maxPEM, false)
	if err != nil {
		return nil, err
	}
	key, err := readFile(s.fs, s.files.Key, maxPEM, true)
	if err != nil {
		return nil, err
	}
	ca, err := readFile(s.fs, s.files.CA, maxPEM, false)
	if err != nil {
		return nil, err
	}
	l, err := parse(cert, key, ca)
	if err != nil || s.files.IssuingKey == "" {
		return l, err
	}
	l.signer, err = LoadAuthority(s.fs, s.files.CA, s.files.IssuingKey)
	return l, err
}

func (s *fileSource) stamp(time.Time) string {
	return stamps(s.fs, s.files.Cert, s.files.Key, s.files.CA, s.files.IssuingKey)
}

// draw keeps the private key, so that one file changes and no other: two files
// cannot be replaced at once.
func (s *fileSource) draw(own crypto.Signer) (crypto.Signer, error) { return own, nil }

func (s *fileSource) follows() bool { return false }

func (s *fileSource) store(l *loaded) error {
	return s.fs.WriteFile(s.files.Cert, certPEM(l.own.Certificate...))
}

func (s *fileSource) remake(*x509.Certificate, time.Time) bool { return false }

// bundleSource is a client's credential file.
type bundleSource struct {
	fs   files.FS
	path string
}

func (s *bundleSource) read(time.Time) (*loaded, error) {
	text, err := readFile(s.fs, s.path, maxPEM, true)
	if err != nil {
		return nil, err
	}
	cert, key, ca, err := splitBundle(text)
	if err != nil {
		return nil, at(s.path, err)
	}
	return parse(cert, key, ca)
}

func (s *bundleSource) stamp(time.Time) string { return stamps(s.fs, s.path) }

func (s *bundleSource) remake(*x509.Certificate, time.Time) bool { return false }

func (s *bundleSource) draw(crypto.Signer) (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func (s *bundleSource) follows() bool { return true }

func (s *bundleSource) store(l *loaded) error {
	key, err := keyPEM(l.own.PrivateKey.(crypto.Signer))
	if err != nil {
		return err
	}
	var ca [][]byte
	for _, a := range l.authorities {
		ca = append(ca, a.Raw)
	}
	return s.fs.WriteSecret(s.path, bundleText(l.name.Client, l.name.Rights, certPEM(l.own.Certificate...), key, certPEM(ca...)))
}

// keySource is the cluster key: its holder signs its own certificate, by the
// first key, and believes what any of the keys has signed.
type keySource struct {
	keys *Keys
	who  Name
	leaf ed25519.PrivateKey // drawn when the process starts; never stored
}

func (s *keySource) read(now time.Time) (*loaded, error) {
	var authorities []*x509.Certificate
	var own []byte
	var signer *Authority
	for i, k := range s.keys.All(now) {
		a, err := k.Authority()
		if err != nil {
			return nil, err
		}
		authorities = append(authorities, a.cert)
		if i > 0 {
			continue
		}
		signer = a
		if own, err = a.sign(s.who, string(s.who.Principal()), s.leaf.Public(), now); err != nil {
			return nil, err
		}
	}
	leaf, err := x509.ParseCertificate(own)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "the certificate of this process: %w", err)
	}
	l, err := newLoaded(tls.Certificate{Certificate: [][]byte{own}, PrivateKey: s.leaf, Leaf: leaf}, authorities)
	if err != nil {
		return nil, err
	}
	l.signer = signer
	return l, nil
}

// stampSeed hides keys in stamps.
var stampSeed = maphash.MakeSeed()

func (s *keySource) stamp(now time.Time) string {
	var b []byte
	for _, k := range s.keys.All(now) {
		b = fmt.Appendf(b, "%x ", maphash.Bytes(stampSeed, k[:]))
	}
	return string(b)
}

func (s *keySource) remake(own *x509.Certificate, now time.Time) bool { return renewable(own, now) }

// renewable reports whether two thirds of a certificate's life are over.
func renewable(own *x509.Certificate, now time.Time) bool {
	begun := own.NotBefore.Add(slack)
	return now.Sub(begun) >= own.NotAfter.Sub(begun)*2/3
}
