package auth

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/files"
)

// holder is a node with a key file of its own and a clock that the test sets.
type holder struct {
	t    *testing.T
	path string
	now  *time.Time
	c    *Certificates
}

func newHolder(t *testing.T, node foci.NodeID, now *time.Time, keys ...Key) *holder {
	t.Helper()
	h := &holder{t: t, path: filepath.Join(t.TempDir(), "cluster.key"), now: now}
	h.put(keys...)
	list, err := LoadKeys(files.OS(), h.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := WithKeys(list).For("home", node, foci.RoleData)
	if err != nil {
		t.Fatal(err)
	}
	h.c = creds.Certificates()
	h.c.now = func() time.Time { return *now }
	return h
}

// put writes the key file; it differs in length from each other list of keys.
func (h *holder) put(keys ...Key) {
	h.t.Helper()
	text := append(KeysText(keys...), strings.Repeat("#", int(keys[0][0]))...)
	if err := os.WriteFile(h.path, text, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// TestRotation: the key of a cluster is replaced node by node, without a
// handshake that fails and without a restart; then the old key opens nothing.
func TestRotation(t *testing.T) {
	now := time.Now()
	old, fresh := testKey(1), testKey(2)
	nodes := []*holder{newHolder(t, nodeA, &now, old), newHolder(t, foci.NodeID{9}, &now, old)}
	stale := newHolder(t, foci.NodeID{7}, &now, old)
	for _, keys := range [][]Key{{old, fresh}, {fresh, old}, {fresh}} {
		for _, h := range nodes {
			h.put(keys...)
			now = now.Add(reloadEvery)
			for _, from := range nodes {
				for _, to := range nodes {
					if dialled, accepted := meet(t, from.c, to.c); dialled != nil || accepted != nil {
						t.Fatalf("on the way to %d keys: %v; %v", len(keys), dialled, accepted)
					}
				}
			}
		}
	}
	stale.c.cur.Load().dial.VerifyConnection = nil // it would end the handshake itself
	if _, accepted := meet(t, stale.c, nodes[0].c); foci.KindOf(accepted) != foci.Denied {
		t.Errorf("the key that was removed is believed: %v", accepted)
	}
}

// TestMemberRenews: a member makes its certificate anew when two thirds of its
// life are over, as the same node.
func TestMemberRenews(t *testing.T) {
	now := time.Now()
	h := newHolder(t, nodeA, &now, testKey(1))
	first := h.c.current()
	now = now.Add(certificateLife*2/3 - time.Hour)
	if h.c.current() != first {
		t.Error("too early")
	}
	now = now.Add(2 * time.Hour)
	if next := h.c.current(); next == first || !next.name.Equal(first.name) || !next.own.Leaf.NotAfter.After(now.Add(certificateLife-time.Hour)) {
		t.Errorf("not renewed: ends %v", next.own.Leaf.NotAfter)
	}
}

// TestSecretsOfTheOpenFile: keys of members and of authorities that everybody on
// the machine can read are refused, and the mode is that of what is read: a file
// that is put in its place after it was opened does not count.
func TestSecretsOfTheOpenFile(t *testing.T) {
	dir := t.TempDir()
	home := authority(t, "home")
	write := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := write("ca.pem", home.Cert(), 0o644)
	for _, mode := range []os.FileMode{0o644, 0o606, 0o601} {
		if _, err := LoadKey(files.OS(), write("open.key", testKey(1).Text(), mode)); foci.KindOf(err) != foci.Denied {
			t.Errorf("a cluster key of mode %v: %v", mode, err)
		}
		if _, err := LoadAuthority(files.OS(), ca, write("ca.key", must(home.Key()), mode)); foci.KindOf(err) != foci.Denied {
			t.Errorf("an authority's key of mode %v: %v", mode, err)
		}
	}
	if _, err := LoadAuthority(files.OS(), ca, write("good.key", must(home.Key()), 0o640)); err != nil {
		t.Errorf("a good file: %v", err)
	}
	swapped := swapFS{files.OS(), write("swapped.key", testKey(1).Text(), 0o644), write("tight.key", testKey(2).Text(), 0o600)}
	if _, err := LoadKey(swapped, swapped.path); foci.KindOf(err) != foci.Denied {
		t.Errorf("the mode of another file counts: %v", err)
	}
}

// swapFS puts another file in the place of one as soon as that is open.
type swapFS struct {
	files.FS
	path, by string
}

func (s swapFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err == nil && name == s.path {
		err = os.Rename(s.by, name)
	}
	return f, err
}
