package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/testwait"
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

func (m *memory) Put(_ context.Context, n foci.Name, f *os.File, _ int64) (int64, error) {
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

func (m *memory) Get(_ context.Context, n foci.Name, w *os.File) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(n); err != nil {
		return 0, err
	}
	k, err := io.WriteString(w, m.content[n])
	return int64(k), err
}

func (m *memory) List(_ context.Context, bucket, prefix string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		names := slices.SortedFunc(maps.Keys(m.content), func(a, b foci.Name) int { return strings.Compare(a.Key, b.Key) })
		for _, n := range names {
			if n.Bucket == bucket && strings.HasPrefix(n.Key, prefix) {
				if !yield(Listed{n.Key, int64(len(m.content[n]))}, nil) {
					return
				}
			}
		}
	}
}

// runCopy runs jobs and returns the summary and one line for each file that was
// not copied.
func runCopy(ctx context.Context, jobs iter.Seq[job], do func(context.Context, job) (int64, error)) (Summary, string) {
	var said bytes.Buffer
	c := Copy{jobs: jobs, do: do, parallel: 4}
	sum, _ := c.Run(ctx, record(&said))
	return sum, said.String()
}

// record notes the files that were not copied.
func record(said *bytes.Buffer) func(Event) {
	return func(e Event) {
		switch {
		case e.Err != nil:
			fmt.Fprintf(said, "%s: %v\n", e.Path, e.Err)
		case e.Skipped != "":
			fmt.Fprintf(said, "%s: skipped: %s\n", e.Path, e.Skipped)
		}
	}
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
	sum, said := runCopy(t.Context(), uploads(src, Place{Remote: true, Bucket: "bkt", Key: "in"}), upload(store))
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
	sum, said = runCopy(t.Context(), downloads(t.Context(), store, Place{Remote: true, Bucket: "bkt", Key: "in/"}), download(store, root))
	if sum.Files != 4 || sum.Errors != 0 {
		t.Fatalf("down: %v\n%s", sum, said)
	}
	got := map[string]string{}
	for j := range uploads(dst, Place{Bucket: "bkt"}) {
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
	sum, said := runCopy(t.Context(), uploads(src, Place{Bucket: "bkt"}), upload(store))
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
	sum, said := runCopy(t.Context(), uploads(src, Place{Bucket: "bkt"}), upload(store))
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
	sum, said := runCopy(t.Context(), downloads(t.Context(), store, Place{Bucket: "bkt"}), download(store, root))
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
	sum, said := runCopy(t.Context(), downloads(t.Context(), store, Place{Bucket: "bkt"}), download(store, root))
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
	endless := func(yield func(job) bool) {
		for yield(job{path: "x"}) {
		}
	}
	cancelling := func(context.Context, job) (int64, error) { cancel(); return 1, nil }
	if sum, _ := runCopy(ctx, endless, cancelling); sum.Errors == 0 {
		t.Fatalf("an interrupted copy counts as whole: %v", sum)
	}
}

// TestCopyOfNothing: a prefix without keys is not found, and no folder is made.
func TestCopyOfNothing(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out")
	from := Place{Remote: true, Bucket: "bkt", Key: "nothing"}
	_, err := New(t.Context(), Options{Objects: newMemory(), From: from, To: Place{Path: target}, Recursive: true})
	if !errors.Is(err, foci.NotFound) || !strings.Contains(err.Error(), "foci://bkt/nothing/") {
		t.Fatal(err)
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
	from, to := Place{Path: filepath.Join(dir, "link")}, Place{Remote: true, Bucket: "bkt", Key: "in"}
	c, err := New(t.Context(), Options{Objects: store, From: from, To: to, Recursive: true, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := c.Run(t.Context(), func(Event) {}); sum.Files != 1 || sum.Skipped != 1 || err != nil {
		t.Fatal(sum, err)
	}
	if got := store.content[foci.Name{Bucket: "bkt", Key: "in/sub/a"}]; got != "x" {
		t.Fatalf("%q in %v", got, store.content)
	}
}

func TestParsePlace(t *testing.T) {
	for in, want := range map[string]Place{
		"foci://bkt":        {Remote: true, Bucket: "bkt"},
		"foci://bkt/":       {Remote: true, Bucket: "bkt"},
		"foci://bkt/a/b":    {Remote: true, Bucket: "bkt", Key: "a/b"},
		"foci://bkt//../x ": {Remote: true, Bucket: "bkt", Key: "/../x "},
		"./foci":            {Path: "./foci"},
	} {
		if got, err := ParsePlace(in); err != nil || got != want {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "foci://", "foci://B/x", "foci://ab/x", "foci://bkt/" + strings.Repeat("k", 1025)} {
		var bad *ArgumentError
		if got, err := ParsePlace(in); !errors.As(err, &bad) {
			t.Errorf("%.40q: %+v %v", in, got, err)
		}
	}
}

func TestPlaceNames(t *testing.T) {
	dir := t.TempDir()
	if k := (Place{Key: "a"}).keyFor("x/y.txt"); k != "a" {
		t.Error(k)
	}
	if k := (Place{Key: "a/"}).keyFor("x/y.txt"); k != "a/y.txt" {
		t.Error(k)
	}
	if f, err := (Place{Path: dir}).fileFor("a/b"); err != nil || f != filepath.Join(dir, "b") {
		t.Error(f, err)
	}
	if f, err := (Place{Path: dir + "/new"}).fileFor("a/b"); err != nil || f != dir+"/new" {
		t.Error(f, err)
	}
	if f, err := (Place{Path: dir}).fileFor("a/.."); err == nil {
		t.Error("took", f)
	}
}

// TestCopyRefusesPipes: what is no regular file is refused by its name, and not
// waited for, also when it has taken the place of a file after it was found.
func TestCopyRefusesPipes(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for path, what := range map[string]string{pipe: "is a pipe", socket: "is a socket", os.DevNull: "is a device"} {
		_, planned := New(t.Context(), Options{Objects: newMemory(), From: Place{Path: path}, To: Place{Remote: true, Bucket: "bkt", Key: "k"}})
		opened := testwait.Return(t, time.Second, "opening "+path, func() error {
			f, _, err := openRegular(path)
			if err == nil {
				f.Close()
			}
			return err
		})
		for _, err := range []error{planned, opened} {
			if !errors.Is(err, foci.Invalid) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), what) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}
