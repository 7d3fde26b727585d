package auth

import (
	"bytes"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/files"
)

// TestSlowHandshake: a peer that began its handshake while its key was believed,
// and ends it after the key was removed, is not let in.
func TestSlowHandshake(t *testing.T) {
	now := time.Now()
	old, fresh := testKey(1), testKey(2)
	h := newHolder(t, nodeA, &now, fresh, old)
	thief := newHolder(t, foci.NodeID{9}, &now, old)
	thief.c.cur.Load().dial.VerifyConnection = nil // it would end the handshake itself
	theirs, ours := net.Pipe()
	defer theirs.Close()
	defer ours.Close()
	in := h.c.Accept(ours)
	h.put(fresh)
	now = now.Add(2 * reloadEvery)
	go func() {
		out := thief.c.Dial(theirs)
		_ = out.Handshake()
		_, _ = out.Read(make([]byte, 1))
	}()
	if err := in.Handshake(); err != nil {
		t.Fatal(err)
	}
	if shown, err := in.Peer(); foci.KindOf(err) != foci.Denied {
		t.Errorf("let in: %v; judged again: %v", err, h.c.Judge(shown))
	}
}

// TestLongChains: of a peer that is not known yet few signatures are verified.
func TestLongChains(t *testing.T) {
	a, b := member(t, nodeA, testKey(1)), member(t, foci.NodeID{9}, testKey(1))
	leaf := b.current().own.Leaf
	chain := []*x509.Certificate{leaf}
	for len(chain) < maxChain {
		chain = append(chain, a.current().authorities[0])
	}
	check := func() error {
		_, err := a.check(a.current(), chain, x509.ExtKeyUsageServerAuth, time.Now())
		return err
	}
	if err := check(); err != nil {
		t.Errorf("%d certificates: %v", len(chain), err)
	}
	chain = append(chain, leaf)
	if err := check(); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%d certificates: %v", len(chain), err)
	}
}

// TestVanishedDenyList: while a list is gone, as when its disk is not mounted, the
// clients that it denied stay denied; an empty list denies none.
func TestVanishedDenyList(t *testing.T) {
	now := time.Now()
	path := filepath.Join(t.TempDir(), "deny")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * reloadEvery)
	}
	var log bytes.Buffer
	creds := WithKeys(&Keys{list: []Key{testKey(1)}, log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := creds.Deny(files.OS(), path); err != nil {
		t.Fatal(err)
	}
	creds, err := creds.For("home", nodeA, foci.RoleData)
	if err != nil {
		t.Fatal(err)
	}
	c := creds.Certificates()
	c.now = func() time.Time { return now }
	write("name client/web\n")
	c.current()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		now = now.Add(reloadEvery)
		c.current()
		if err := c.DeniedName("client/web"); foci.KindOf(err) != foci.Denied || err == nil {
			t.Fatalf("the list is gone, and with it the denial: %v", err)
		}
	}
	if n := strings.Count(log.String(), "the deny list was deleted"); n != 1 {
		t.Errorf("it was complained of %d times:\n%s", n, &log)
	}
	write("# nothing\n")
	c.current()
	if err := c.DeniedName("client/web"); err != nil {
		t.Errorf("an empty list: %v", err)
	}
}

// TestUnreadableFilesAreTriedAgain although nothing of them changes that can be
// seen, as when only their owner does.
func TestUnreadableFilesAreTriedAgain(t *testing.T) {
	fsys := &lockedFS{FS: files.OS()}
	path := filepath.Join(t.TempDir(), "cluster.key")
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(KeysText(testKey(1)))
	keys, err := LoadKeys(fsys, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Minute)
	put(append(KeysText(testKey(2)), '#'))
	fsys.locked = true
	if got := keys.All(now); got[0] != testKey(1) {
		t.Fatal("a file that cannot be read was read")
	}
	fsys.locked = false
	if got := keys.All(now.Add(reloadEvery)); got[0] != testKey(2) {
		t.Error("the file was not tried again")
	}
}

// lockedFS opens nothing while it is locked.
type lockedFS struct {
	files.FS
	locked bool
}

func (s *lockedFS) Open(name string) (fs.File, error) {
	if s.locked {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return s.FS.Open(name)
}
