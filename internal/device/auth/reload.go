package auth

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Files name what TLS needs, as PEM.
type Files struct {
	Cert string // of this process, with what stands between it and the ca
	Key  string // its private key, which others may not read
	CA   string // the authorities whose certificates are believed
}

// reloadEvery is how often the files are looked at, at most, and only when
// there is a handshake.
const reloadEvery = time.Second

// soon is how long before its end a certificate is complained of.
const soon = 30 * 24 * time.Hour

// Certificates are those of TLS. When the files change they are read again; what
// cannot be used is logged, and the old ones stay in use. Channels that are open
// go on.
type Certificates struct {
	now func() time.Time
	log *slog.Logger
	// read gives the contents of the three files.
	read func() (cert, key, ca []byte, err error)
	// stamp is the same as long as no file has changed.
	stamp func() string
	cur   atomic.Pointer[loaded]

	mu     sync.Mutex
	looked time.Time
	seen   string // the stamp of what was read last, good or not
}

// LoadCertificates reads the files and watches them.
func LoadCertificates(fs vfs.FS, f Files, log *slog.Logger) (*Certificates, error) {
	if f.Cert == "" || f.Key == "" || f.CA == "" {
		return nil, foci.Errorf(foci.Invalid, "[tls] needs all three of cert, key and ca")
	}
	return newCertificates(log, time.Now, func() ([]byte, []byte, []byte, error) {
		cert, err := readFile(fs, f.Cert, maxPEM, false)
		if err != nil {
			return nil, nil, nil, err
		}
		key, err := readFile(fs, f.Key, maxPEM, true)
		if err != nil {
			return nil, nil, nil, err
		}
		ca, err := readFile(fs, f.CA, maxPEM, false)
		return cert, key, ca, err
	}, func() string { return stamps(fs, f.Cert, f.Key, f.CA) })
}

// loadBundle does the same with the one file of a client.
func loadBundle(fs vfs.FS, path string, log *slog.Logger) (*Certificates, error) {
	return newCertificates(log, time.Now, func() (cert, key, ca []byte, err error) {
		text, err := readFile(fs, path, maxPEM, true)
		if err != nil {
			return nil, nil, nil, err
		}
		if cert, key, ca, err = splitBundle(text); err != nil {
			err = at(path, err)
		}
		return cert, key, ca, err
	}, func() string { return stamps(fs, path) })
}

func newCertificates(log *slog.Logger, now func() time.Time, read func() (cert, key, ca []byte, err error), stamp func() string) (*Certificates, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Certificates{now: now, log: log, read: read, stamp: stamp}
	c.seen, c.looked = stamp(), now()
	l, err := c.load()
	if err != nil {
		return nil, err
	}
	c.cur.Store(l)
	return c, nil
}

func (c *Certificates) load() (*loaded, error) {
	cert, key, ca, err := c.read()
	if err != nil {
		return nil, err
	}
	l, err := parse(cert, key, ca)
	if err != nil {
		return nil, err
	}
	if left := l.own.Leaf.NotAfter.Sub(c.now()); left < soon {
		c.log.Warn("this process's certificate must be replaced", "name", l.name, "ends", l.own.Leaf.NotAfter)
	}
	return l, nil
}

// current is the present generation; it looks whether there is a newer one.
func (c *Certificates) current() *loaded {
	if c.mu.TryLock() { // one looks, the others need not wait for the disk
		defer c.mu.Unlock()
		if now := c.now(); now.Sub(c.looked) >= reloadEvery {
			c.looked = now
			c.reload()
		}
	}
	return c.cur.Load()
}

// reload reads the files when they have changed; c.mu is held.
func (c *Certificates) reload() {
	stamp := c.stamp()
	if stamp == c.seen {
		return
	}
	c.seen = stamp
	l, err := c.load()
	if err == nil && l.name != c.cur.Load().name {
		err = foci.Errorf(foci.Denied, "the new certificate is of %v, this process is %v", l.name, c.cur.Load().name)
	}
	if err != nil {
		c.log.Error("new certificates cannot be used; the old ones stay in use", "err", err)
		return
	}
	c.cur.Store(l)
	c.log.Info("certificates read again", "name", l.name, "ends", l.own.Leaf.NotAfter)
}

// Name is whom our own certificate names.
func (c *Certificates) Name() Name { return c.cur.Load().name }

// fit reports with Denied that the certificate is not good for a member.
func (c *Certificates) fit() error {
	if n := c.Name(); n.Node.IsZero() {
		return notForMembers("client " + n.Client)
	}
	return nil
}

// Conn is a connection under TLS whose peer has shown a certificate.
type Conn struct {
	*tls.Conn
	by  *loaded
	use x509.ExtKeyUsage
	now func() time.Time
}

// Dial is the dialling side of TLS on a connection; its handshake fails unless
// the certificate of the other side is a node's.
func (c *Certificates) Dial(conn net.Conn) Conn {
	l := c.current()
	return Conn{tls.Client(conn, l.dial), l, x509.ExtKeyUsageServerAuth, c.now}
}

// Accept is the listening side. Its handshake succeeds with any certificate;
// [Conn.Peer] judges it.
func (c *Certificates) Accept(conn net.Conn) Conn {
	l := c.current()
	return Conn{tls.Server(conn, l.listen), l, x509.ExtKeyUsageClientAuth, c.now}
}

// Peer is whom the certificate of the other side names, once the handshake is
// done. It fails with Denied when the certificate is not good.
func (c Conn) Peer() (Name, error) {
	return c.by.check(c.ConnectionState().PeerCertificates, c.use, c.now())
}
