package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

const chunk = foci.MaxPayload

// TestSizes is the sizes at which a content is cut differently.
func TestSizes(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	all := random(2*chunk+1, 7)
	for _, c := range []struct{ size, chunks int }{
		{0, 0}, {1, 0}, {64 << 10, 0}, {64<<10 + 1, 0}, {chunk - 1, 0}, {chunk, 0}, {chunk + 1, 2}, {2 * chunk, 2}, {2*chunk + 1, 3},
	} {
		for _, told := range []int64{int64(c.size), -1} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			want := all[:c.size]
			// A reader that gives a byte short of what is asked for, and io.EOF with the last one.
			r, err := s.Put(ctx, name("sized"), iotest.DataErrReader(bytes.NewReader(want)), told, client.PutOptions{})
			if err != nil || r.Chunks != c.chunks || r.Size != int64(c.size) {
				t.Errorf("%d bytes, told %d: %+v, %v", c.size, told, r, err)
			}
			if got := get(t, s, "sized", client.GetOptions{}); !bytes.Equal(got, want) {
				t.Errorf("%d bytes, told %d: got %d bytes back", c.size, told, len(got))
			}
			cancel()
		}
	}
}

var errBroken = errors.New("the cable is cut")

// TestBrokenContent is content that is not what was said: nothing is stored.
func TestBrokenContent(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	before := put(t, s, "kept", []byte("old"))
	big := random(3*chunk, 9)
	half := func() io.Reader {
		return io.MultiReader(bytes.NewReader(big[:chunk+chunk/2]), iotest.ErrReader(errBroken))
	}
	for _, c := range []struct {
		what  string
		r     io.Reader
		size  int64
		cause error
	}{
		{"short, small", strings.NewReader("ab"), 3, nil},
		{"short, large", bytes.NewReader(big[:2*chunk]), 3 * chunk, nil},
		{"short by one", bytes.NewReader(big[:2*chunk-1]), 2 * chunk, nil},
		{"empty, large", strings.NewReader(""), 2 * chunk, nil},
		{"broken, small", iotest.ErrReader(errBroken), 3, errBroken},
		{"broken, large", half(), 3 * chunk, errBroken},
		{"broken, of unknown size", half(), -1, errBroken},
		{"broken at once, of unknown size", iotest.ErrReader(errBroken), -1, errBroken},
	} {
		_, err := s.Put(t.Context(), name("kept"), c.r, c.size, client.PutOptions{})
		if !errors.Is(err, foci.Invalid) || c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("%s: %v", c.what, err)
		}
		if _, err := s.Append(t.Context(), name("kept"), iotest.ErrReader(errBroken), c.size); !errors.Is(err, errBroken) && c.size != 0 {
			t.Errorf("%s, append: %v", c.what, err)
		}
	}
	info, err := s.Stat(t.Context(), name("kept"))
	if err != nil || info.Version != before.Version {
		t.Fatalf("after broken puts: %+v, %v; want version %v", info, err, before.Version)
	}
	if got := get(t, s, "kept", client.GetOptions{}); string(got) != "old" {
		t.Fatalf("got %q", got)
	}
	// More than was said is not read.
	r := bytes.NewReader([]byte("0123456789"))
	if _, err := s.Put(t.Context(), name("kept"), r, 4, client.PutOptions{}); err != nil || r.Len() != 6 {
		t.Fatalf("%v, %d bytes left", err, r.Len())
	}
	if got := get(t, s, "kept", client.GetOptions{}); string(got) != "0123" {
		t.Fatalf("got %q", got)
	}
}

// TestRefusedArguments is what breaks a rule: Invalid or TooLarge, at once.
func TestRefusedArguments(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	put(t, s, "x", []byte("12345"))
	bad := func(n foci.Name) error {
		_, err := s.Put(t.Context(), n, strings.NewReader("1"), 1, client.PutOptions{})
		return err
	}
	for i, c := range []struct {
		want foci.Kind
		err  error
	}{
		{foci.Invalid, bad(name(""))},
		{foci.Invalid, bad(name(strings.Repeat("k", 1025)))},
		{foci.Invalid, bad(name("a\x00b"))},
		{foci.Invalid, bad(name("\xff"))},
		{foci.Invalid, bad(foci.Name{Bucket: "No", Key: "k"})},
		{foci.Invalid, failed(s.Get(t.Context(), name("\xff"), client.GetOptions{}))},
		{foci.Invalid, failed(s.Get(t.Context(), name("x"), client.GetOptions{Offset: -1}))},
		{foci.Invalid, failed(s.Get(t.Context(), name("x"), client.GetOptions{Offset: 6}))},
		{foci.Invalid, failed(s.Stat(t.Context(), name("")))},
		{foci.Invalid, failed(s.Remove(t.Context(), name("")))},
		{foci.Invalid, failed(s.Append(t.Context(), name(""), strings.NewReader("1"), 1))},
		{foci.TooLarge, failed(s.Put(t.Context(), name("x"), strings.NewReader("1"), 1, client.PutOptions{Meta: client.Meta(make([]byte, foci.MaxMetaLen+1))}))},
		{foci.TooLarge, failed(s.Put(t.Context(), name("x"), strings.NewReader("1"), foci.MaxChunks*foci.MaxPayload+1, client.PutOptions{}))},
		{foci.NotFound, failed(s.Get(t.Context(), name("nothing"), client.GetOptions{}))},
		{foci.NotFound, failed(s.Stat(t.Context(), name("nothing")))},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%d: %v, want %v", i, c.err, c.want)
		}
	}
	for _, err := range s.History(t.Context(), name("")) {
		if !errors.Is(err, foci.Invalid) {
			t.Errorf("history: %v", err)
		}
	}
	for _, err := range s.List(t.Context(), "No", client.ListOptions{}) {
		if !errors.Is(err, foci.Invalid) {
			t.Errorf("list: %v", err)
		}
	}
	for _, err := range s.List(t.Context(), "test-bucket", client.ListOptions{Prefix: strings.Repeat("k", 1025)}) {
		if !errors.Is(err, foci.Invalid) {
			t.Errorf("list: %v", err)
		}
	}
}

// gate is a reader that does something when so many bytes have been read.
type gate struct {
	io.Reader
	read int
	acts map[int]func() // by the number of bytes after which
}

func (g *gate) Read(p []byte) (int, error) {
	for at, act := range g.acts {
		if g.read >= at {
			delete(g.acts, at)
			act()
		}
	}
	n, err := g.Reader.Read(p)
	g.read += n
	return n, err
}

// TestNodeLostInTransfer stops a node in the middle of an upload and of a
// download, and starts it again: both go on.
func TestNodeLostInTransfer(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	content := random(64<<20, 5)
	for i := range 2 {
		up := &gate{Reader: bytes.NewReader(content), acts: map[int]func(){
			20 << 20: func() { c.stop(i) },
			40 << 20: func() { c.start(i) },
		}}
		if _, err := s.Put(t.Context(), name("big"), up, int64(len(content)), client.PutOptions{}); err != nil {
			t.Fatalf("node %d lost: %v", i, err)
		}
		obj, err := s.Get(t.Context(), name("big"), client.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		down := &gate{Reader: obj, acts: map[int]func(){
			20 << 20: func() { c.stop(i + 1) },
			40 << 20: func() { c.start(i + 1) },
		}}
		same(t, down, content)
		if err := obj.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// same reads r to its end and compares.
func same(t *testing.T, r io.Reader, want []byte) {
	t.Helper()
	b := make([]byte, 100<<10)
	for at := 0; ; {
		n, err := r.Read(b)
		if at+n > len(want) || !bytes.Equal(b[:n], want[at:at+n]) {
			t.Fatalf("wrong bytes in %d..%d", at, at+n)
		}
		if at += n; err == io.EOF && at == len(want) {
			return
		}
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", at, len(want), err)
		}
	}
}

// TestUploadGivenUp cancels an upload half way: nothing is stored, and nothing
// is left running.
func TestUploadGivenUp(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	put(t, s, "kept", []byte("old"))
	cause := fmt.Errorf("enough of it")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := &gate{Reader: bytes.NewReader(random(32<<20, 2)), acts: map[int]func(){20 << 20: func() { cancel(cause) }}}
	if _, err := s.Put(ctx, name("kept"), r, 32<<20, client.PutOptions{}); !errors.Is(err, foci.Canceled) || !errors.Is(err, cause) {
		t.Fatal(err)
	}
	if r.read > 28<<20 {
		t.Errorf("%d bytes were read after the end", r.read)
	}
	if got := get(t, s, "kept", client.GetOptions{}); string(got) != "old" {
		t.Fatalf("got %q", got)
	}
}
