package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

func name(key string) foci.Name { return foci.Name{Bucket: "test-bucket", Key: key} }

// failed is the error of a call, without its result.
func failed(_ any, err error) error { return err }

func put(t *testing.T, s *client.Session, key string, content []byte) client.Result {
	t.Helper()
	r, err := s.Put(t.Context(), name(key), bytes.NewReader(content), int64(len(content)), client.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(t *testing.T, s *client.Session, key string, o client.GetOptions) []byte {
	t.Helper()
	obj, err := s.Get(t.Context(), name(key), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(obj)
	if err != nil {
		t.Fatal(err)
	}
	if err := obj.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func TestPutGetAppendRemove(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	put(t, s, "a", []byte("hello"))
	if got := get(t, s, "a", client.GetOptions{}); string(got) != "hello" {
		t.Fatalf("got %q", got)
	}
	for _, w := range []string{" there", ", ", "you"} {
		if _, err := s.Append(t.Context(), name("a"), strings.NewReader(w), int64(len(w))); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, s, "a", client.GetOptions{}); string(got) != "hello there, you" {
		t.Fatalf("got %q", got)
	}
	if got := get(t, s, "a", client.GetOptions{Offset: 3, Length: 6}); string(got) != "lo the" {
		t.Fatalf("got %q", got)
	}
	info, err := s.Stat(t.Context(), name("a"))
	if err != nil || info.Size != 16 || info.Appends != 3 {
		t.Fatalf("stat: %+v, %v", info, err)
	}
	if _, err := s.Remove(t.Context(), name("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), name("a"), client.GetOptions{}); !errors.Is(err, foci.NotFound) {
		t.Fatalf("after remove: %v", err)
	}
	var ops []string
	for e, err := range s.History(t.Context(), name("a")) {
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, e.Op.String())
	}
	if got := strings.Join(ops, " "); got != "put append append append remove" {
		t.Fatalf("history: %s", got)
	}
}

func TestVersions(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	first := put(t, s, "v", []byte("one"))
	put(t, s, "v", []byte("two"))
	if got := get(t, s, "v", client.GetOptions{Version: first.Version}); string(got) != "one" {
		t.Fatalf("got %q", got)
	}
	_, err := s.Get(t.Context(), name("v"), client.GetOptions{Version: foci.Version{Time: 1, Nonce: 1}})
	if !errors.Is(err, foci.NotFound) {
		t.Fatalf("unknown version: %v", err)
	}
}

func TestLargeObject(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	content := random(21<<20+12345, 1)
	for _, size := range []int64{int64(len(content)), -1} {
		r, err := s.Put(t.Context(), name("large"), bytes.NewReader(content), size, client.PutOptions{Meta: client.Meta([]byte("meta"))})
		if err != nil || r.Chunks != 6 || r.Size != int64(len(content)) {
			t.Fatalf("put: %+v, %v", r, err)
		}
		if got := get(t, s, "large", client.GetOptions{}); sha256.Sum256(got) != sha256.Sum256(content) {
			t.Fatalf("content differs: %d bytes, want %d", len(got), len(content))
		}
	}
	for _, o := range []client.GetOptions{{Offset: 4<<20 - 3, Length: 7}, {Offset: 12 << 20, Length: 5 << 20}, {Offset: 21 << 20}, {Offset: int64(len(content))}} {
		want := content[o.Offset:]
		if o.Length > 0 {
			want = want[:o.Length]
		}
		if got := get(t, s, "large", o); !bytes.Equal(got, want) {
			t.Fatalf("range %+v: %d bytes, want %d", o, len(got), len(want))
		}
	}
	if _, err := s.Append(t.Context(), name("large"), bytes.NewReader(content[:5<<20]), -1); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "large", client.GetOptions{Offset: int64(len(content)) - 2, Length: 4}); !bytes.Equal(got, append(content[len(content)-2:len(content):len(content)], content[:2]...)) {
		t.Fatalf("over the seam: %x", got)
	}
	info, err := s.Stat(t.Context(), name("large"))
	if err != nil || string(info.Meta) != "meta" || info.Size != int64(len(content))+5<<20 {
		t.Fatalf("stat: %+v, %v", info, err)
	}
}

func TestManyAppends(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	want := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				line := fmt.Sprintf("%d-%d\n", w, i)
				if _, err := s.Append(t.Context(), name("log"), strings.NewReader(line), int64(len(line))); err != nil {
					t.Error(err)
				}
				mu.Lock()
				want[line] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	lines := strings.SplitAfter(string(get(t, s, "log", client.GetOptions{})), "\n")
	for _, l := range lines[:len(lines)-1] {
		if !want[l] {
			t.Errorf("line %q is there twice, or was never appended", l)
		}
		delete(want, l)
	}
	if len(want) > 0 {
		t.Errorf("%d lines are missing", len(want))
	}
}

func TestListing(t *testing.T) {
	s := newCluster(t, 6, 3).dial(client.SessionOptions{})
	for i := range 60 {
		put(t, s, fmt.Sprintf("d%d/f%02d", i%3, i), nil)
	}
	if _, err := s.Remove(t.Context(), name("d1/f01")); err != nil {
		t.Fatal(err)
	}
	list := func(o client.ListOptions) []string {
		var keys []string
		for it, err := range s.List(t.Context(), "test-bucket", o) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, it.Key)
		}
		return keys
	}
	if got := list(client.ListOptions{}); len(got) != 59 || got[0] != "d0/f00" {
		t.Fatalf("%d keys: %v", len(got), got)
	}
	if got := fmt.Sprint(list(client.ListOptions{Delimiter: "/"})); got != "[d0/ d1/ d2/]" {
		t.Fatal(got)
	}
	if got := fmt.Sprint(list(client.ListOptions{Prefix: "d1/", After: "d1/f50", Limit: 2})); got != "[d1/f52 d1/f55]" {
		t.Fatal(got)
	}
}

// TestNodeDown is the first promise of replicas: one of three may be gone.
func TestNodeDown(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	big := random(9<<20, 3)
	put(t, s, "before", []byte("1"))
	put(t, s, "big", big)
	c.stop(1)
	put(t, s, "during", []byte("2"))
	if got := get(t, s, "before", client.GetOptions{}); string(got) != "1" {
		t.Fatalf("got %q", got)
	}
	if got := get(t, s, "big", client.GetOptions{}); !bytes.Equal(got, big) {
		t.Fatal("large content differs")
	}
	c.start(1)
	c.stop(2)
	for key, want := range map[string]string{"before": "1", "during": "2"} {
		if got := get(t, s, key, client.GetOptions{}); string(got) != want {
			t.Fatalf("%s: got %q", key, got)
		}
	}
}

func TestGivenUp(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	put(t, s, "x", []byte("1"))
	c.stop(1)
	c.stop(2)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err := s.Put(ctx, name("x"), strings.NewReader("2"), 1, client.PutOptions{})
	if k := foci.KindOf(err); err == nil || k != foci.NoQuorum && k != foci.OutcomeUnknown && k != foci.Canceled {
		t.Fatalf("without a quorum: %v", err)
	}
}
