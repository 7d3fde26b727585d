package vfs

import (
	"bytes"
	"errors"
	"testing"

	"github.com/foci-store/foci/internal/device/files"
)

func write(t *testing.T, fs FS, name string, sync bool, parts ...[]byte) {
	t.Helper()
	f, err := Create(fs, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if _, err := f.Write(p); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := errors.Join(f.Sync(), SyncDir(fs, fs.PathDir(name))); err != nil {
				t.Fatal(err)
			}
			sync = false // the first part only
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCrashKeepsWhatWasSyncedAndTearsTheRest(t *testing.T) {
	fs := NewCrashable()
	synced, rest := bytes.Repeat([]byte{1}, 700), bytes.Repeat([]byte{2}, 20_000)
	write(t, fs, "/file", true, synced, rest)
	torn := map[int]bool{}
	for _, c := range []struct{ keep, unit int }{{0, Page}, {0, Sector}, {50, Page}, {50, Sector}, {100, Page}, {100, Sector}} {
		for seed := range uint64(20) {
			got, err := ReadFile(fs.Clone(Crash{Keep: c.keep, Unit: c.unit, Source: seed}), "/file", 1<<20)
			if err != nil || !bytes.HasPrefix(got, synced) {
				t.Fatalf("%+v: what was synced is lost: %d bytes, %v", c, len(got), err)
			}
			switch kept := bytes.Count(got, []byte{2}); {
			case c.keep == 0 && kept > 0, c.keep == 100 && kept < len(rest):
				t.Fatalf("%+v: %d of %d unsynced bytes", c, kept, len(rest))
			case c.keep == 50:
				torn[c.unit] = torn[c.unit] || kept%Page != 0 && kept%Sector == 0
			}
		}
	}
	if !torn[Sector] {
		t.Error("no file was torn between the sectors of a page")
	}
}

func TestWriteFileIsOldOrNew(t *testing.T) {
	fs := NewCrashable()
	if err := MkdirAll(fs, "/a/b"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		content := []byte{byte(i)}
		if err := WriteFile(fs, "/a/b/f", content); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(fs.Clone(Crash{}), "/a/b/f", 10)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("after a crash: %v, %v", got, err)
		}
	}
	if _, err := ReadFile(fs, "/a/b/f", 0); !errors.Is(err, files.ErrTooLong) {
		t.Errorf("over the limit: %v", err)
	}
	bad := errors.New("bad disk")
	for k := range 4 { // create, write, sync, rename
		n := 0
		err := WriteFile(WithErrors(fs, func(Op) error {
			if n++; n-1 == k {
				return bad
			}
			return nil
		}), "/a/b/f", []byte("x"))
		got, readErr := ReadFile(fs, "/a/b/f", 10)
		if !errors.Is(err, bad) || readErr != nil || k < 3 && !bytes.Equal(got, []byte{2}) {
			t.Errorf("operation %d failed: %v; then %q, %v", k, err, got, readErr)
		}
	}
}
