package store

import (
	"io"
	"log/slog"
	"testing"

	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

func testOptions(fs vfs.FS) Options {
	return Options{
		FS: fs, Dir: "/backend", Cluster: "test", Now: func() int64 { return storetest.Now },
		SegmentBytes: 64 << 10, MemTableBytes: 64 << 10, CacheBytes: 64 << 10,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func open(t testing.TB, o Options) *Backend {
	t.Helper()
	b, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformanceInMemory(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Store { return open(t, testOptions(vfs.NewCrashable())) })
}

func TestConformanceOnDisk(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Store {
		o := testOptions(nil)
		o.Dir = t.TempDir()
		return open(t, o)
	})
}
