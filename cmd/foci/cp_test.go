package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/foci-store/foci"
)

// memory is a store of objects in a map; fail makes a key's next transfers fail.
type memory struct {
	mu      sync.Mutex
	content map[foci.Name]string
	fail    map[foci.Name][]error
}

func newMemory() *memory {
	return &memory{content: map[foci.Name]string{}, fail: map[foci.Name][]error{}}
}

func (m *memory) failure(n foci.Name) error {
	if len(m.fail[n]) == 0 {
		return nil
	}
	err := m.fail[n][0]
	m.fail[n] = m.fail[n][1:]
	return err
}

func (m *memory) put(_ context.Context, n foci.Name, f *os.File, _ int64) (int64, error) {
	b, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(n); err != nil {
		return 0, err
	}
	m.content[n] = string(b)
	return int64(len(b)), nil
}

func (m *memory) get(_ context.Context, n foci.Name, w *os.File) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(n); err != nil {
		return 0, err
	}
	k, err := io.WriteString(w, m.content[n])
	return int64(k), err
}

func (m *memory) list(_ context.Context, bucket, prefix string) iter.Seq2[listedKey, error] {
	return func(yield func(listedKey, error) bool) {
		names := slices.SortedFunc(maps.Keys(m.content), func(a, b foci.Name) int { return strings.Compare(a.Key, b.Key) })
		for _, n := range names {
			if n.Bucket == bucket && strings.HasPrefix(n.Key, prefix) {
				if !yield(listedKey{n.Key, int64(len(m.content[n]))}, nil) {
					return
				}
			}
		}
	}
}

func runCopy(t *testing.T, jobs iter.Seq[copyJob], do func(context.Context, copyJob) (int64, error)) (copySummary, string) {
	t.Helper()
	var said bytes.Buffer
	c := copier{
		do: do, parallel: 4,
		tell:     func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) },
		progress: func(copyJob, int64) {},
	}
	return c.run(t.Context(), jobs), said.String()
}

func TestCopyThereAndBack(t *testing.T) {
	src, dst, store := t.TempDir(), t.TempDir(), newMemory()
	want := map[string]string{"a": "one", "d/b": "two", "d/e/empty": "", "d/name with space": "three"}
	for name, text := range want {
		full := filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum, said := runCopy(t, uploads(src, place{remote: true, bucket: "bkt", key: "in"}), upload(store))
	if sum.Files != 4 || sum.Errors != 0 || sum.Bytes != 11 {
		t.Fatalf("up: %v\n%s", sum, said)
	}
	if got := store.content[foci.Name{Bucket: "bkt", Key: "in/d/b"}]; got != "two" {
		t.Fatalf("in/d/b holds %q", got)
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	sum, said = runCopy(t, downloads(t.Context(), store, place{remote: true, bucket: "bkt", key: "in/"}), download(store, root))
	if sum.Files != 4 || sum.Errors != 0 {
		t.Fatalf("down: %v\n%s", sum, said)
	}
	got := map[string]string{}
	for j := range uploads(dst, place{bucket: "bkt"}) {
		b, err := os.ReadFile(j.path)
		if err != nil {
			t.Fatal(err)
		}
		got[j.name.Key] = string(b)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("came back as %v", got)
	}
}

func TestCopySkipsWhatIsNotAFile(t *testing.T) {
	src, store := t.TempDir(), newMemory()
	if err := os.Symlink("/etc/passwd", filepath.Join(src, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(src, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, said := runCopy(t, uploads(src, place{bucket: "bkt"}), upload(store))
	if sum.Skipped != 2 || sum.Files != 0 || sum.Errors != 0 || len(store.content) != 0 {
		t.Fatalf("%v\n%s", sum, said)
	}
}

func TestCopyGoesOnPastErrors(t *testing.T) {
	src, store := t.TempDir(), newMemory()
	for _, n := range []string{"bad", "good", "soon"} {
		if err := os.WriteFile(filepath.Join(src, n), []byte(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(src, "not-utf8-\xff"), nil, 0o644); err != nil {
		t.Skip("this file system takes UTF-8 only:", err)
	}
	unknown := foci.Errorf(foci.OutcomeUnknown, "cut off")
	store.fail[foci.Name{Bucket: "bkt", Key: "soon"}] = []error{unknown, unknown}
	store.fail[foci.Name{Bucket: "bkt", Key: "bad"}] = []error{foci.Errorf(foci.Denied, "no")}
	sum, said := runCopy(t, uploads(src, place{bucket: "bkt"}), upload(store))
	if sum.Files != 2 || sum.Errors != 2 || len(store.content) != 2 {
		t.Fatalf("%v\n%s", sum, said)
	}
	if !strings.Contains(said, "bad: no") || !strings.Contains(said, "not valid UTF-8") {
		t.Fatalf("said only:\n%s", said)
	}
}

// TestCopyStaysInTarget covers keys that lead out of the target by themselves
// and by a link that lies in it.
func TestCopyStaysInTarget(t *testing.T) {
	outside, dst, store := t.TempDir(), t.TempDir(), newMemory()
	if err := os.Symlink(outside, filepath.Join(dst, "link")); err != nil {
		t.Fatal(err)
	}
	bad := []string{"../up", "a/../../up", "/etc/x", "a//b", "a/./b", "folder/", "link/x", ".."}
	for _, k := range append(bad, "fine", "..fine", "a/...") {
		store.content[foci.Name{Bucket: "bkt", Key: k}] = "x"
	}
	root, err := os.OpenRoot(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	sum, said := runCopy(t, downloads(t.Context(), store, place{bucket: "bkt"}), download(store, root))
	if sum.Files != 3 || sum.Errors != int64(len(bad)) {
		t.Fatalf("%v\n%s", sum, said)
	}
	left, err := os.ReadDir(outside)
	if err != nil || len(left) != 0 {
		t.Fatalf("outside the target: %v %v", left, err)
	}
}

// TestCopyLeavesNoHalfFile: a transfer that fails, or whose name is taken by a
// folder, leaves nothing behind.
func TestCopyLeavesNoHalfFile(t *testing.T) {
	dst, store := t.TempDir(), newMemory()
	if err := os.Mkdir(filepath.Join(dst, "taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	store.content[foci.Name{Bucket: "bkt", Key: "taken"}] = "x"
	store.content[foci.Name{Bucket: "bkt", Key: "fails"}] = "x"
	store.fail[foci.Name{Bucket: "bkt", Key: "fails"}] = []error{foci.Errorf(foci.Corrupt, "bad block")}
	root, err := os.OpenRoot(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	sum, said := runCopy(t, downloads(t.Context(), store, place{bucket: "bkt"}), download(store, root))
	if sum.Errors != 2 || sum.Files != 0 {
		t.Fatalf("%v\n%s", sum, said)
	}
	left, err := os.ReadDir(dst)
	if err != nil || len(left) != 1 || left[0].Name() != "taken" {
		t.Fatalf("left behind: %v %v", left, err)
	}
}

func TestCopyStopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	endless := func(yield func(copyJob) bool) {
		for yield(copyJob{path: "x"}) {
		}
	}
	c := copier{
		parallel: 2, tell: func(string, ...any) {}, progress: func(copyJob, int64) {},
		do: func(context.Context, copyJob) (int64, error) { cancel(); return 1, nil },
	}
	if sum := c.run(ctx, endless); sum.Errors == 0 {
		t.Fatalf("an interrupted copy counts as whole: %v", sum)
	}
}

// TestCopyOfNothing: a prefix without keys is not found, and no folder is made.
func TestCopyOfNothing(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out")
	from := place{remote: true, bucket: "bkt", key: "nothing"}
	_, err := new(copier).plan(t.Context(), newMemory(), from, place{path: target}, true)
	if status(err) != statusNotFound || !strings.Contains(err.Error(), "foci://bkt/nothing/") {
		t.Fatalf("status %d: %v", status(err), err)
	}
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the target was made: %v", err)
	}
}

// TestCopyFollowsTheNamedLink: a link that is named on the command line is
// followed; links below it are not.
func TestCopyFollowsTheNamedLink(t *testing.T) {
	dir, store := t.TempDir(), newMemory()
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "real", "sub"), 0o755),
		os.WriteFile(filepath.Join(dir, "real", "sub", "a"), []byte("x"), 0o644),
		os.Symlink("real", filepath.Join(dir, "link")),
		os.Symlink("sub", filepath.Join(dir, "real", "inner")),
	); err != nil {
		t.Fatal(err)
	}
	c := copier{parallel: 1, tell: func(string, ...any) {}, progress: func(copyJob, int64) {}}
	jobs, err := c.plan(t.Context(), store, place{path: filepath.Join(dir, "link")}, place{remote: true, bucket: "bkt", key: "in"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if sum := c.run(t.Context(), jobs); sum.Files != 1 || sum.Skipped != 1 || sum.Errors != 0 {
		t.Fatal(sum)
	}
	if got := store.content[foci.Name{Bucket: "bkt", Key: "in/sub/a"}]; got != "x" {
		t.Fatalf("%q in %v", got, store.content)
	}
}

func TestParsePlace(t *testing.T) {
	for in, want := range map[string]place{
		"foci://bkt":        {remote: true, bucket: "bkt"},
		"foci://bkt/":       {remote: true, bucket: "bkt"},
		"foci://bkt/a/b":    {remote: true, bucket: "bkt", key: "a/b"},
		"foci://bkt//../x ": {remote: true, bucket: "bkt", key: "/../x "},
		"./foci":            {path: "./foci"},
	} {
		if got, err := parsePlace(in); err != nil || got != want {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "foci://", "foci://B/x", "foci://ab/x", "foci://bkt/" + strings.Repeat("k", 1025)} {
		if got, err := parsePlace(in); status(err) != statusUsage {
			t.Errorf("%.40q: %+v %v", in, got, err)
		}
	}
}

func TestPlaceNames(t *testing.T) {
	dir := t.TempDir()
	if k := (place{key: "a"}).keyFor("x/y.txt"); k != "a" {
		t.Error(k)
	}
	if k := (place{key: "a/"}).keyFor("x/y.txt"); k != "a/y.txt" {
		t.Error(k)
	}
	if f, err := (place{path: dir}).fileFor("a/b"); err != nil || f != filepath.Join(dir, "b") {
		t.Error(f, err)
	}
	if f, err := (place{path: dir + "/new"}).fileFor("a/b"); err != nil || f != dir+"/new" {
		t.Error(f, err)
	}
	if f, err := (place{path: dir}).fileFor("a/.."); err == nil {
		t.Error("took", f)
	}
}
