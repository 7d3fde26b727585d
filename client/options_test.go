package client_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestOptionsCanBeSetBack: what With has changed, With can undo.
func TestOptionsCanBeSetBack(t *testing.T) {
	conn := newCluster(t, 1, 1).dialWith(client.Config{Timeout: 7 * time.Second, Stall: time.Second, Resends: client.Off})
	first := conn.Session(client.SessionOptions{})
	want := client.SessionOptions{
		Ack: foci.Quorum, Read: foci.Quorum, Ask: client.AskNearest, Timeout: 7 * time.Second, Stall: time.Second, Resends: client.Off,
	}
	if got := first.Options(); got != want {
		t.Fatalf("options %+v, want %+v", got, want)
	}
	other := client.SessionOptions{Ack: foci.One, Read: foci.All, Ask: client.AskAll, Timeout: client.Off, Stall: 3 * time.Second, Resends: 9}
	changed := first.With(other)
	if got := changed.Options(); got != other {
		t.Errorf("options %+v, want %+v", got, other)
	}
	if got := changed.With(client.SessionOptions{}).Options(); got != other {
		t.Errorf("zero values changed them to %+v", got)
	}
	if got := changed.With(want).Options(); got != want {
		t.Errorf("set back to %+v, want %+v", got, want)
	}
	if changed.Client() != conn {
		t.Error("the session is of another client")
	}
	for _, s := range []*client.Session{first, changed} {
		put(t, s, "k", []byte("content"))
		if got := get(t, s, "k", client.GetOptions{}); string(got) != "content" {
			t.Errorf("%+v: got %q", s.Options(), got)
		}
	}
}

// TestOddOptions: what is not defined inherits, and a stall has a minimum.
func TestOddOptions(t *testing.T) {
	base := newCluster(t, 1, 1).dial(client.SessionOptions{Ack: foci.All, Read: foci.One, Ask: client.AskAll, Stall: time.Second})
	for _, o := range []client.SessionOptions{{Ack: 77}, {Read: 77}, {Ask: 77}, {Stall: client.Off}, {Stall: -time.Second}} {
		if got, want := base.With(o).Options(), base.Options(); got != want {
			t.Errorf("%+v: options %+v, want %+v", o, got, want)
		}
	}
	if got := base.With(client.SessionOptions{Stall: time.Nanosecond}).Options().Stall; got != time.Millisecond {
		t.Errorf("stall of 1 ns: %v", got)
	}
}

// summed computes a checksum of what is read, as a gateway does.
type summed struct {
	io.Reader
	sum   hash.Hash
	calls int
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.sum.Write(p[:n])
	return n, err
}

func (s *summed) meta() ([]byte, error) {
	s.calls++
	return s.sum.Sum(nil), nil
}

// TestMetaAfterTheBody: metadata is asked for once, when all content was read,
// by each of the paths on which content travels.
func TestMetaAfterTheBody(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	for _, size := range []int{0, 5, 100 << 10, 4 << 20, 9<<20 + 1} {
		content := random(size, 3)
		want := sha256.Sum256(content)
		for _, length := range []int64{int64(size), -1} {
			r := &summed{Reader: bytes.NewReader(content), sum: sha256.New()}
			if _, err := s.Put(t.Context(), name("sum"), r, length, client.PutOptions{Meta: r.meta}); err != nil {
				t.Fatal(err)
			}
			info, err := s.Stat(t.Context(), name("sum"))
			if err != nil || !bytes.Equal(info.Meta, want[:]) || r.calls != 1 || info.Size != int64(size) {
				t.Errorf("%d bytes, length %d: %d calls, metadata %x, want %x: %v", size, length, r.calls, info.Meta, want, err)
			}
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), name("file"), f, int64(size), client.PutOptions{Meta: client.Meta(want[:])}); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if info, err := s.Stat(t.Context(), name("file")); err != nil || !bytes.Equal(info.Meta, want[:]) {
			t.Errorf("%d bytes of a file: metadata %x, want %x: %v", size, info.Meta, want, err)
		}
		if got := get(t, s, "file", client.GetOptions{}); !bytes.Equal(got, content) {
			t.Errorf("%d bytes of a file: other content", size)
		}
	}
}

// TestMetaThatFails stores nothing.
func TestMetaThatFails(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	wrong := errors.New("wrong checksum")
	for _, size := range []int{3, 100 << 10, 5 << 20} {
		for what, r := range map[string]io.Reader{"again": bytes.NewReader(random(size, 1)), "once": io.LimitReader(bytes.NewReader(random(size, 1)), int64(size))} {
			_, err := s.Put(t.Context(), name("k"), r, int64(size), client.PutOptions{Meta: func() ([]byte, error) { return nil, wrong }})
			if !errors.Is(err, wrong) || foci.KindOf(err) != foci.Invalid {
				t.Errorf("%d bytes, read %s: %v", size, what, err)
			}
		}
	}
	if _, err := s.Stat(t.Context(), name("k")); foci.KindOf(err) != foci.NotFound {
		t.Errorf("something was stored: %v", err)
	}
}
