package vfs

import (
	"bytes"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci/internal/testwait"
)

// fullWhile makes writes and creations of files fail while full is true.
func fullWhile(fs FS, full *atomic.Bool) FS {
	return WithErrors(fs, func(op Op) error {
		if full.Load() && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate) {
			return syscall.ENOSPC
		}
		return nil
	})
}

func TestChangesWaitForSpace(t *testing.T) {
	var full atomic.Bool
	w := WaitForSpace(fullWhile(NewCrashable(), &full), time.Millisecond)
	if err := WriteFile(w, "/a", []byte("before")); err != nil || w.IsFull() {
		t.Fatal(err)
	}
	full.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- WriteFile(w, "/a", []byte("after")) }()
	<-w.Full()
	if b, err := ReadFile(w, "/a", 100); err != nil || string(b) != "before" {
		t.Fatalf("read while a change waits: %q, %v", b, err)
	}
	if err := w.Freeze(func() error { return nil }); err != nil { // a change that waits is not under way
		t.Fatal(err)
	}
	full.Store(false)
	if err := <-ended; err != nil || w.IsFull() {
		t.Fatal(err, w.IsFull())
	}
	if b, err := ReadFile(w, "/a", 100); err != nil || string(b) != "after" {
		t.Fatalf("%q, %v", b, err)
	}
	plain := w.Child()
	plain.Plain()
	full.Store(true)
	if err := WriteFile(plain, "/a", nil); !IsFull(err) {
		t.Fatalf("plain: %v", err)
	}
}

// TestCutOff: after Cut nothing is changed any more, also by what waited. What
// waits together with it goes on.
func TestCutOff(t *testing.T) {
	var full atomic.Bool
	disk := NewCrashable()
	w := WaitForSpace(fullWhile(disk, &full), time.Millisecond)
	sibling := w.Child()
	full.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- WriteFile(w, "/a", nil) }()
	<-w.Full()
	w.Cut()
	full.Store(false)
	if err := WriteFile(sibling, "/b", nil); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("it has ended: %v", err)
	default:
	}
	if _, err := disk.Stat("/a.tmp"); err == nil {
		t.Fatal("a file system that has been cut off has changed")
	}
}

// TestCutAll: after CutAll of any of them, none of those that wait together
// changes anything, also what waited.
func TestCutAll(t *testing.T) {
	var full atomic.Bool
	var tried atomic.Int64
	disk := NewCrashable()
	counted := WithErrors(fullWhile(disk, &full), func(op Op) error {
		if op.Kind == errorfs.OpCreate {
			tried.Add(1)
		}
		return nil
	})
	parent := WaitForSpace(counted, time.Millisecond)
	child := parent.Child()
	full.Store(true)
	for i, w := range []*Waiting{parent, child, child.Child()} {
		name := "/" + string(rune('a'+i))
		go func() { _ = WriteFile(w, name, nil) }()
	}
	for tried.Load() < 10 {
		<-parent.Full()
	}
	child.CutAll()
	before := tried.Load()
	full.Store(false)
	go func() { _ = WriteFile(child, "/late", nil) }()
	testwait.True(t, 20*time.Second, "those that waited to see that there is space", func() bool { return !parent.IsFull() })
	if names, err := disk.List("/"); err != nil || len(names) > 0 || tried.Load() != before {
		t.Fatalf("after CutAll: %q, %v, %d changes tried", names, err, tried.Load()-before)
	}
}

// TestForkChangesInMemory does to a fork what a directory can have done to it:
// the original stays, and what becomes of it later is not seen.
func TestForkChangesInMemory(t *testing.T) {
	disk := NewCrashable()
	must(MkdirAll(disk, "/d"))
	for _, name := range []string{"kept", "removed", "renamed", "over", "linked", "copied", "appended", "reused"} {
		must(WriteFile(disk, "/d/"+name, []byte(name)))
	}
	before := disk.Clone(Crash{})
	f, err := NewFork(disk, "/d", func(name string) bool { return name == "copied" })
	if err != nil {
		t.Fatal(err)
	}
	must(f.Remove("/d/removed"))
	must(f.Rename("/d/renamed", "/d/moved"))
	must(WriteFile(f, "/d/over", []byte("new")))
	must(f.Link("/d/linked", "/d/again"))
	a, err := f.OpenReadWrite("/d/appended", "")
	must(err)
	_, err = a.WriteAt([]byte("APP"), 0)
	must(err)
	must(a.Close())
	r, err := f.ReuseForWrite("/d/reused", "/d/fresh", "")
	must(err)
	_, err = r.Write([]byte("fresh"))
	must(err)
	must(r.Close())

	original, err := before.List("/d")
	must(err)
	for _, name := range original {
		was, _ := ReadFile(before, "/d/"+name, 100)
		is, err := ReadFile(disk, "/d/"+name, 100)
		if err != nil || !bytes.Equal(was, is) {
			t.Errorf("the original's %s is %q, %v", name, is, err)
		}
		must(disk.Remove("/d/" + name))
	}
	want := map[string]string{
		"kept": "kept", "moved": "renamed", "over": "new", "linked": "linked", "again": "linked",
		"copied": "copied", "appended": "APPended", "fresh": "fresh",
	}
	names, err := f.List("/d")
	if err != nil || len(names) != len(want) {
		t.Errorf("%q, %v", names, err)
	}
	for name, text := range want {
		got, err := ReadFile(f, "/d/"+name, 100)
		info, statErr := f.Stat("/d/" + name)
		if err != nil || statErr != nil || string(got) != text || info.Size() != int64(len(text)) {
			t.Errorf("%s: %q, %v, %v", name, got, err, statErr)
		}
	}
	if n := f.Bytes(); n == 0 || n > 100 {
		t.Errorf("%d bytes in memory", n)
	}
	must(f.RemoveAll("/d"))
	if names, err := f.List("/d"); err == nil && len(names) > 0 {
		t.Errorf("after RemoveAll: %q", names)
	}
	must(f.Release())
}
