package node_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/node"
)

// nodeDiskFull makes the node's own directory full, from the k-th change there
// on.
func nodeDiskFull(fs vfs.FS, full *atomic.Bool, k int64) vfs.FS {
	var n atomic.Int64
	return vfs.WithErrors(fs, func(op vfs.Op) error {
		if !full.Load() || strings.Contains(op.Path, "backend-") {
			return nil
		}
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpRename, errorfs.OpFileWrite:
			if n.Add(1) > k {
				return syscall.ENOSPC
			}
		}
		return nil
	})
}

// TestStartsOnAFullDisk: a node whose directory is full starts, as often as it
// has to, never twice under one incarnation, even if its clock stands.
func TestStartsOnAFullDisk(t *testing.T) {
	for k := range int64(5) {
		cfg := config(t)
		cfg.Now = func() int64 { return 1e18 }
		var full atomic.Bool
		disk := vfs.NewCrashable()
		cfg.FS = nodeDiskFull(disk, &full, k)
		var last foci.Incarnation
		begin := func() {
			t.Helper()
			n := start(t, cfg)
			s := n.Status()
			if s.Incarnation <= last || len(s.Backends) != 1 {
				t.Fatalf("incarnation %d after %d, %d backends", s.Incarnation, last, len(s.Backends))
			}
			last = s.Incarnation
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
		}
		begin()
		full.Store(true)
		begin()
		begin()
		begin()
		disk = disk.Clone(vfs.Crash{})
		full.Store(false)
		cfg.FS = nodeDiskFull(disk, &full, 0)
		begin()
		full.Store(true)
		begin()
	}
}

// TestSpareIsWholeOrOlder damages the slot that was written last.
func TestSpareIsWholeOrOlder(t *testing.T) {
	cfg := config(t)
	cfg.Now = func() int64 { return 1e18 }
	var full atomic.Bool
	disk := vfs.NewCrashable()
	cfg.FS = nodeDiskFull(disk, &full, 0)
	restart(t, cfg)
	full.Store(true)
	restart(t, cfg)
	restart(t, cfg)
	before := start(t, cfg)
	last := before.Status().Incarnation
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	for at := range int64(2) { // one of them is the newest
		clone := disk.Clone(vfs.Crash{})
		f, err := clone.OpenReadWrite(filepath.Join(cfg.Dir, "node.spare"), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{0xee}, at*16<<10+100); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		torn := cfg
		torn.FS = nodeDiskFull(clone, &full, 0)
		n := start(t, torn)
		if got := n.Status().Incarnation; got != last && got != last+1 {
			t.Errorf("slot %d damaged: incarnation %d after %d", at, got, last)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFirstStartOnAFullDisk is refused, and says why.
func TestFirstStartOnAFullDisk(t *testing.T) {
	cfg := config(t)
	var full atomic.Bool
	full.Store(true)
	cfg.FS = nodeDiskFull(cfg.FS, &full, 0)
	if _, err := node.New(cfg); foci.KindOf(err) != foci.ReadOnly || !strings.Contains(err.Error(), "make room") {
		t.Fatal(err)
	}
}
