package node_test

import (
	"crypto/rand"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// address is one of this host that no other test listens on.
func address(t testing.TB) route.Address {
	t.Helper()
	a, err := route.ParseAddress(testports.Addr(t) + ":2-0")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// twoNodes is the layout of a cluster of nodes a and b.
func twoNodes(t testing.TB, cluster string) *layout.Layout {
	t.Helper()
	p := &layout.Plan{Cluster: cluster}
	for i, name := range []string{"a", "b"} {
		p.Nodes = append(p.Nodes, layout.PlanNode{
			Name: name, Addrs: []route.Address{address(t)},
			Backends: []layout.PlanBackend{{Group: foci.Group(i + 1)}},
		})
	}
	l, err := layout.Init(p, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// config is node a, on disks in memory.
func config(t testing.TB) node.Config {
	return node.Config{
		Cluster: "test", Dir: "/data", Name: "a", Layout: twoNodes(t, "test"), Role: foci.RoleData,
		FS: vfs.NewCrashable(), Grace: 50 * time.Millisecond,
	}
}

func start(t testing.TB, cfg node.Config) *node.Node {
	t.Helper()
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

func restart(t testing.TB, cfg node.Config) {
	t.Helper()
	if err := start(t, cfg).Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, fs vfs.FS, path, text string) {
	t.Helper()
	if err := vfs.WriteFile(fs, path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// backendDir is the directory of the node's only backend.
func backendDir(t testing.TB, fs vfs.FS, dir string) string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasPrefix(n, "backend-") {
			return filepath.Join(dir, n)
		}
	}
	t.Fatalf("no backend in %q", names)
	return ""
}

// refusal is a start that is refused: spoil changes a node that has run before.
type refusal struct {
	name  string
	spoil func(t *testing.T, cfg *node.Config)
	want  foci.Kind
	says  []string
}

var wrongStarts = []refusal{
	{"no cluster", func(_ *testing.T, cfg *node.Config) { cfg.Cluster = "" }, foci.Invalid, []string{"cluster"}},
	{"no directory", func(_ *testing.T, cfg *node.Config) { cfg.Dir = "" }, foci.Invalid, []string{"directory"}},
	{"a client's role", func(_ *testing.T, cfg *node.Config) { cfg.Role = foci.RoleTransport }, foci.Invalid, []string{"transport"}},
	{"directory of another cluster", func(t *testing.T, cfg *node.Config) {
		cfg.Cluster, cfg.Layout = "other", twoNodes(t, "other")
	}, foci.Denied, []string{"/data", "test", "other"}},
	{"layout of another cluster", func(t *testing.T, cfg *node.Config) {
		cfg.Dir, cfg.Layout = "/new", twoNodes(t, "other")
	}, foci.Denied, []string{"/new", "test", "other"}},
	{"directory of another node", func(_ *testing.T, cfg *node.Config) { cfg.Name = "b" }, foci.Denied, []string{"/data", "b"}},
	{"unknown name", func(_ *testing.T, cfg *node.Config) { cfg.Dir, cfg.Name = "/new", "c" }, foci.Invalid, []string{`"c"`, "epoch 1"}},
	{"name without a layout", func(_ *testing.T, cfg *node.Config) { cfg.Dir, cfg.Layout = "/new", nil }, foci.Invalid, []string{`"a"`, "foci init"}},
	{"another layout of the same epoch", func(t *testing.T, cfg *node.Config) { cfg.Layout, cfg.Name = twoNodes(t, "test"), "" }, foci.Denied, []string{"/data", "epoch 1"}},
	{"no address", func(_ *testing.T, cfg *node.Config) { cfg.Dir, cfg.Layout, cfg.Name = "/new", nil, "" }, foci.Invalid, []string{"--addr"}},
}

var damagedStarts = []refusal{
	{"damaged identity", func(t *testing.T, cfg *node.Config) { write(t, cfg.FS, "/data/node.json", `{"cluster":`) }, foci.Corrupt, []string{"/data/node.json"}},
	{"empty identity", func(t *testing.T, cfg *node.Config) { write(t, cfg.FS, "/data/node.json", "{}") }, foci.Corrupt, []string{"/data/node.json"}},
	{"damaged layout", func(t *testing.T, cfg *node.Config) { write(t, cfg.FS, "/data/layout.json", "{]") }, foci.Invalid, []string{"/data/layout.json", "another node"}},
	{"backend whose directory is gone", func(t *testing.T, cfg *node.Config) {
		if err := cfg.FS.RemoveAll(backendDir(t, cfg.FS, cfg.Dir)); err != nil {
			t.Fatal(err)
		}
	}, foci.NotReady, []string{"/data/backend-", "does not exist now"}},
	{"backend whose directory is empty now", func(t *testing.T, cfg *node.Config) {
		dir := backendDir(t, cfg.FS, cfg.Dir)
		if err := errors.Join(cfg.FS.RemoveAll(dir), vfs.MkdirAll(cfg.FS, dir)); err != nil {
			t.Fatal(err)
		}
	}, foci.NotReady, []string{"/data/backend-", "is empty now"}},
	{"backend whose identity is gone", func(t *testing.T, cfg *node.Config) {
		if err := cfg.FS.Remove(filepath.Join(backendDir(t, cfg.FS, cfg.Dir), "backend.json")); err != nil {
			t.Fatal(err)
		}
	}, foci.NotReady, []string{"/data/backend-", "has no backend's identity", "other files"}},
	{"backend of no configured directory", func(_ *testing.T, cfg *node.Config) {
		cfg.Dir, cfg.Backends = "/new", []node.Backend{{Dir: "/disk", Group: 9}}
	}, foci.Invalid, []string{"group 1", "[[backend]]"}},
	{"group that contradicts the layout", func(t *testing.T, cfg *node.Config) {
		cfg.Backends = []node.Backend{{Dir: backendDir(t, cfg.FS, cfg.Dir), Group: 2}}
	}, foci.Invalid, []string{"/data/backend-", "configured for group 2", "of group 1 in the layout", "write group = 1"}},
	{"directory that cannot be made", func(_ *testing.T, cfg *node.Config) {
		cfg.FS = vfs.WithErrors(cfg.FS, func(op vfs.Op) error {
			if op.Kind == errorfs.OpMkdirAll {
				return syscall.EACCES
			}
			return nil
		})
	}, foci.ReadOnly, []string{"/data", "permission denied"}},
	{"read-only directory", func(_ *testing.T, cfg *node.Config) {
		cfg.FS = vfs.WithErrors(cfg.FS, func(op vfs.Op) error {
			if op.Kind == errorfs.OpLock || op.Kind == errorfs.OpCreate {
				return syscall.EROFS
			}
			return nil
		})
	}, foci.ReadOnly, []string{"/data", "read-only"}},
	{"full disk without a spare file", func(t *testing.T, cfg *node.Config) {
		if err := cfg.FS.Remove("/data/node.spare"); err != nil {
			t.Fatal(err)
		}
		cfg.FS = vfs.WithErrors(cfg.FS, func(op vfs.Op) error {
			if op.Kind == errorfs.OpFileWrite {
				return syscall.ENOSPC
			}
			return nil
		})
	}, foci.ReadOnly, []string{"/data/node.json", "no space left"}},
	{"port in use", func(t *testing.T, cfg *node.Config) {
		cfg.Layout = cfg.Layout.Clone()
		ln, err := net.Listen("tcp", cfg.Layout.Nodes[0].Addrs[0].HostPort())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
	}, foci.Invalid, []string{"127.0.0.1:", "in use"}},
}

// TestRefusedStarts is what a node does not start with: the error says what is
// wrong, and where.
func TestRefusedStarts(t *testing.T) {
	for _, c := range slices.Concat(wrongStarts, damagedStarts) {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t)
			restart(t, cfg) // so that /data is this node's
			c.spoil(t, &cfg)
			n, err := node.New(cfg)
			if err == nil {
				_ = n.Close()
				t.Fatal("it started")
			}
			if !errors.Is(err, c.want) || foci.KindOf(err) != c.want {
				t.Errorf("kind %v, want %v", foci.KindOf(err), c.want)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

// TestLockedDirectory is on a real disk, whose locks it is about.
func TestLockedDirectory(t *testing.T) {
	cfg := config(t)
	cfg.FS, cfg.Dir = nil, t.TempDir()
	start(t, cfg)
	if _, err := node.New(cfg); !errors.Is(err, foci.Busy) || !strings.Contains(err.Error(), cfg.Dir) {
		t.Fatal(err)
	}
}

// TestRestart: identity stays, the incarnation grows even when the clock does
// not, name and layout are needed once, and the directory may be moved.
func TestRestart(t *testing.T) {
	cfg := config(t)
	cfg.Now = func() int64 { return 1e18 }
	cfg.FS, cfg.Dir = nil, filepath.Join(t.TempDir(), "one")
	first := start(t, cfg)
	was := first.Status()
	if was.Name != "a" || was.ID != cfg.Layout.Nodes[0].ID || len(was.Backends) != 1 {
		t.Fatalf("%+v", was)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "two")
	if err := vfs.OS().Rename(cfg.Dir, moved); err != nil {
		t.Fatal(err)
	}
	cfg.Dir, cfg.Name, cfg.Layout = moved, "", nil
	is := start(t, cfg).Status()
	if is.ID != was.ID || is.Name != "a" || is.Incarnation != was.Incarnation+1 || is.Epoch != 1 {
		t.Fatalf("was %+v\n is %+v", was, is)
	}
	if len(is.Backends) != 1 || is.Backends[0].ID != was.Backends[0].ID || !strings.HasPrefix(is.Backends[0].Dir, moved) {
		t.Fatalf("backends: %+v", is.Backends)
	}
}

// TestOlderLayout: a node whose layout is older than what its backend has voted
// by does not vote.
func TestOlderLayout(t *testing.T) {
	cfg := config(t)
	old := cfg.Layout
	cfg.Layout = old.Clone()
	cfg.Layout.Epoch = 7
	restart(t, cfg)
	if err := cfg.FS.Remove("/data/layout.json"); err != nil {
		t.Fatal(err)
	}
	cfg.Layout = old
	l := dial(t, start(t, cfg))
	q := query(old)
	if _, err := call(t, l, q); !errors.Is(err, foci.Busy) || !strings.Contains(err.Error(), "epoch 7") {
		t.Fatal(err)
	}
}

// TestFailingStarts lets one file operation after the other fail at a first
// start: it ends with an error or goes well, leaves nothing behind that runs,
// and a later start on what it left goes well.
func TestFailingStarts(t *testing.T) {
	for n := int64(1); ; n++ {
		cfg := config(t)
		disk := vfs.NewCrashable()
		var at atomic.Int64
		cfg.FS = vfs.WithErrors(disk, func(op vfs.Op) error {
			inIndex := strings.Contains(op.Path, "/index") // Pebble may not stop once its disk has failed
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && !inIndex && at.Add(1) == n {
				return syscall.EIO
			}
			return nil
		})
		failed, err := node.New(cfg)
		if err == nil {
			_ = failed.Close() // its disk may fail now
		}
		// As another process would find it: a lock may have been kept on purpose.
		cfg.FS = disk.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page})
		restart(t, cfg)
		if at.Load() < n {
			t.Logf("%d operations", n-1)
			return
		}
	}
}
