package auth

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
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

// Files name what TLS needs, as PEM.
type Files struct {
	Cert string // of this process, with what stands between it and the ca
	Key  string // its private key, which others may not read
	CA   string // the authorities whose certificates are believed
}

// fileSource are certificates in three files.
type fileSource struct {
	fs    vfs.FS
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
	return parse(cert, key, ca)
}

func (s *fileSource) stamp(time.Time) string {
	return stamps(s.fs, s.files.Cert, s.files.Key, s.files.CA)
}

func (s *fileSource) remake(*x509.Certificate, time.Time) bool { return false }

// bundleSource is a client's credential file.
type bundleSource struct {
	fs   vfs.FS
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
	for i, k := range s.keys.All(now) {
		a, err := k.Authority()
		if err != nil {
			return nil, err
		}
		authorities = append(authorities, a.cert)
		if i > 0 {
			continue
		}
		if own, err = a.sign(s.who, string(s.who.Principal()), s.leaf.Public(), now); err != nil {
			return nil, err
		}
	}
	leaf, err := x509.ParseCertificate(own)
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "our own certificate: %w", err)
	}
	return newLoaded(tls.Certificate{Certificate: [][]byte{own}, PrivateKey: s.leaf, Leaf: leaf}, authorities)
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
