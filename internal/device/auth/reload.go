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
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/files"
)

// reloadEvery is how often files are checked, at most.
const reloadEvery = time.Second

// soon is how long before its end a certificate is warned of.
const soon = certificateLife / 6

// Certificates are those of TLS: this process's own, and the authorities that it
// believes. When their source changes they are read again; what cannot be used
// is logged, and the old ones stay in use.
type Certificates struct {
	now    func() time.Time
	log    *slog.Logger
	source source
	cur    atomic.Pointer[loaded]
	// changes counts what may change the judgement of a certificate that was good.
	changes atomic.Uint64

	denied atomic.Pointer[denied] // nil: nothing

	heard    atomic.Uint64 // the digest of authorities that a node has last told; 0: none
	renewals renewals

	mu        sync.Mutex
	looked    time.Time
	seen      string    // the stamp of what is in use
	complaint           // of files that cannot be used
	denyFile  *denyFile // nil: none
}

// LoadCertificates reads the files and watches them.
func LoadCertificates(fs files.FS, f Files, log *slog.Logger) (*Certificates, error) {
	if f.Cert == "" || f.Key == "" || f.CA == "" {
		return nil, foci.Errorf(foci.Invalid, "[tls] needs all three of cert, key and ca")
	}
	return newCertificates(log, time.Now, &fileSource{fs, f})
}

func newCertificates(log *slog.Logger, now func() time.Time, from source) (*Certificates, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Certificates{now: now, log: log, source: from}
	c.seen, c.looked = from.stamp(now()), now()
	l, err := c.load()
	if err != nil {
		return nil, err
	}
	c.adopt(l)
	return c, nil
}

func (c *Certificates) load() (*loaded, error) {
	l, err := c.source.read(c.now())
	if err != nil {
		return nil, err
	}
	if left := l.own.Leaf.NotAfter.Sub(c.now()); left < soon {
		c.log.Warn("this process's certificate must be replaced", "name", l.name, "ends", l.own.Leaf.NotAfter)
	}
	return l, nil
}

// adopt makes a generation the current one.
func (c *Certificates) adopt(l *loaded) {
	c.configure(l)
	c.cur.Store(l)
	c.changes.Add(1)
}

// current is the current generation. It reads the source when that has changed.
func (c *Certificates) current() *loaded {
	if c.mu.TryLock() { // one goroutine reads, the others need not wait for the disk
		defer c.mu.Unlock()
		if now := c.now(); now.Sub(c.looked) >= reloadEvery {
			c.looked = now
			c.reload(now)
			c.lookDenied()
		}
	}
	return c.cur.Load()
}

// reload reads the source when it has changed; c.mu is held.
func (c *Certificates) reload(now time.Time) {
	old := c.cur.Load()
	stamp := c.source.stamp(now)
	if stamp == c.seen && !c.source.remake(old.own.Leaf, now) {
		return
	}
	l, err := c.load()
	if err == nil && !l.name.Equal(old.name) {
		err = foci.Errorf(foci.Denied, "the new certificate is of %v with rights %q, this process is %v with rights %q", l.name, l.name.Rights, old.name, old.name.Rights)
	}
	if c.isNew(err) {
		c.log.Error("new certificates cannot be used; the old ones stay in use", "err", err)
	}
	if err != nil {
		return // and tried again: what is wrong may not change the stamp, like an owner
	}
	c.seen = stamp
	c.adopt(l)
	c.log.Info("certificates read again", "name", l.name, "ends", l.own.Leaf.NotAfter)
}

// complaint is the last error of a file that is read again and again.
type complaint struct{ last string }

// isNew reports whether there is an error that was not logged yet.
func (c *complaint) isNew(err error) bool {
	text := ""
	if err != nil {
		text = err.Error()
	}
	isNew := text != "" && text != c.last
	c.last = text
	return isNew
}

// Name is the identity in the process's own certificate.
func (c *Certificates) Name() Name { return c.cur.Load().name }

// Conn is a connection with TLS to a peer that has a certificate.
type Conn struct {
	*tls.Conn
	of  *Certificates
	use x509.ExtKeyUsage
}

// Dial is the dialling side of TLS on a connection; its handshake fails unless
// the certificate of the other side is a node's.
func (c *Certificates) Dial(conn net.Conn) Conn {
	return Conn{tls.Client(conn, c.current().dial), c, x509.ExtKeyUsageServerAuth}
}

// Accept is the listening side. Its handshake succeeds with any certificate;
// [Conn.Peer] judges it.
func (c *Certificates) Accept(conn net.Conn) Conn {
	return Conn{tls.Server(conn, c.current().listen), c, x509.ExtKeyUsageClientAuth}
}

// Peer is the certificate of the other side, once the handshake is done. It fails with Denied when the certificate is not good by what is
// believed at this moment: a handshake may have begun long before.
func (c Conn) Peer() (*Shown, error) {
	// The count comes first: after a change meanwhile the certificate is judged
	// again.
	s := &Shown{chain: c.ConnectionState().PeerCertificates, use: c.use, judged: c.of.changes.Load()}
	l := c.of.current()
	var err error
	s.name, err = c.of.check(l, s.chain, c.use, c.of.now())
	if err != nil && mutant.On(mutant.SlowHandshake) {
		s.judged = c.of.changes.Load()
		s.name, err = nameOf(s.chain[0])
	}
	return s, err
}
