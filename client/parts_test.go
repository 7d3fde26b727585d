package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

func beginUpload(t *testing.T, s *client.Session, key string) *client.Upload {
	t.Helper()
	u, err := s.Upload(name(key))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func putPart(t *testing.T, u *client.Upload, number int, content []byte) client.Part {
	t.Helper()
	p, err := u.Part(t.Context(), number, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestUploadInParts(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	sizes := []int{5 << 20, 1, 0, 4 << 20, 9<<20 + 3, 70 << 10}
	u := beginUpload(t, s, "k")
	putPart(t, u, 4, random(100, 99)) // replaced below
	content := make([][]byte, len(sizes))
	var wg sync.WaitGroup
	for _, i := range rand.Perm(len(sizes)) {
		content[i] = random(sizes[i], uint64(i+1))
		wg.Go(func() {
			size := int64(sizes[i])
			var r io.Reader = bytes.NewReader(content[i])
			if i%2 == 1 {
				size, r = -1, struct{ io.Reader }{r}
			}
			if p, err := u.Part(t.Context(), 3*i+1, r, size); err != nil || p.Size != int64(sizes[i]) || p.Number != 3*i+1 {
				t.Errorf("part %d: %+v, %v", i, p, err)
			}
		})
	}
	wg.Wait()
	if _, err := s.Stat(t.Context(), name("k")); foci.KindOf(err) != foci.NotFound {
		t.Fatalf("before Complete: %v", err)
	}
	res, err := u.Complete(t.Context(), nil, client.PutOptions{Meta: client.Meta([]byte("meta"))})
	whole := slices.Concat(content...)
	if err != nil || res.Size != int64(len(whole)) || res.Chunks != 2+1+0+1+3+1 {
		t.Fatalf("complete: %+v, %v", res, err)
	}
	again, err := u.Complete(t.Context(), nil, client.PutOptions{})
	if err != nil || again != res {
		t.Errorf("complete again: %+v, %v; was %+v", again, err, res)
	}
	if err := u.Abort(t.Context()); !errors.Is(err, foci.Invalid) {
		t.Errorf("abort after complete: %v", err)
	}
	if _, err := u.Part(t.Context(), 1, strings.NewReader("x"), 1); !errors.Is(err, foci.Closed) {
		t.Errorf("a part after complete: %v", err)
	}
	if got := get(t, s, "k", client.GetOptions{}); !bytes.Equal(got, whole) {
		t.Errorf("got %d bytes, not the %d that were put", len(got), len(whole))
	}
	for range 30 {
		off := rand.IntN(len(whole))
		n := rand.IntN(min(1<<20, len(whole)-off)) + 1
		if got := get(t, s, "k", client.GetOptions{Offset: int64(off), Length: int64(n)}); !bytes.Equal(got, whole[off:off+n]) {
			t.Errorf("range %d+%d differs", off, n)
		}
	}
	obj := open(t, s, "k", client.OpenOptions{})
	if string(obj.Info().Meta) != "meta" {
		t.Errorf("metadata %q", obj.Info().Meta)
	}
	reads(t, obj, whole)
}

// TestUploadManyParts: a head of many manifests is longer than what comes with
// the first page of a log.
func TestUploadManyParts(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	u := beginUpload(t, s, "k")
	one := putPart(t, u, 1, []byte("0123456789"))
	parts := slices.Repeat([]client.Part{one}, foci.MaxParts)
	if _, err := u.Complete(t.Context(), parts, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]interface{ Close() error }{
		"Get":  must(s.Get(t.Context(), name("k"), client.GetOptions{Offset: 99_995})),
		"Open": open(t, s, "k", client.OpenOptions{}).Range(99_995, -1),
	} {
		if got, err := io.ReadAll(r.(io.Reader)); err != nil || string(got) != "56789" {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		_ = r.Close()
	}
	if _, err := beginUpload(t, s, "k").Complete(t.Context(), append(parts, one), client.PutOptions{}); !errors.Is(err, foci.TooLarge) {
		t.Errorf("one part too many: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestUploadOfChosenParts: parts of another process are known by their text, and
// what is not named is not in the object.
func TestUploadOfChosenParts(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	u := beginUpload(t, s, "k")
	var chosen []client.Part
	for i, text := range []string{"one ", "two ", "", "four "} {
		p := putPart(t, u, i+1, []byte(text))
		b, err := p.MarshalText()
		var back client.Part
		if err == nil {
			err = back.UnmarshalText(b)
		}
		if err != nil || back != p {
			t.Fatalf("part %+v came back as %+v: %v", p, back, err)
		}
		if i != 1 {
			chosen = append(chosen, back)
		}
	}
	slices.Reverse(chosen)
	if _, err := beginUpload(t, s, "k").Complete(t.Context(), chosen, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "k", client.GetOptions{}); string(got) != "four one " {
		t.Errorf("got %q", got)
	}
	empty := beginUpload(t, s, "empty")
	if r, err := empty.Complete(t.Context(), nil, client.PutOptions{}); err != nil || r.Chunks != 0 {
		t.Errorf("no parts: %+v, %v", r, err)
	}
	if got := get(t, s, "empty", client.GetOptions{}); len(got) != 0 {
		t.Errorf("no parts: got %q", got)
	}
	for _, text := range []string{"", "x", "!!", "AQEAAAA?", "AgEAAAA", "AQAAAAA"} {
		var p client.Part
		if err := p.UnmarshalText([]byte(text)); !errors.Is(err, foci.Invalid) {
			t.Errorf("part %q: %v", text, err)
		}
	}
	for _, number := range []int{0, -1, foci.MaxParts + 1} {
		if _, err := u.Part(t.Context(), number, strings.NewReader(""), 0); !errors.Is(err, foci.Invalid) {
			t.Errorf("part %d: %v", number, err)
		}
	}
}

// TestUploadAbort ends a part that is being stored and frees all that are.
func TestUploadAbort(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	put(t, s, "k", []byte("before"))
	u := beginUpload(t, s, "k")
	p := putPart(t, u, 1, random(9<<20, 1))
	slow, feed := io.Pipe()
	running := make(chan error, 1)
	go func() { running <- failed(u.Part(t.Context(), 2, slow, -1)) }()
	if _, err := feed.Write(random(5<<20, 2)); err != nil {
		t.Fatal(err)
	}
	aborted := make(chan error, 1)
	go func() { aborted <- u.Abort(t.Context()) }()
	soon(t, "the abort reaches the part", func() bool {
		_, err := u.Part(t.Context(), 3, strings.NewReader("x"), 1)
		return errors.Is(err, foci.Closed)
	})
	_ = feed.CloseWithError(errors.New("its client has gone"))
	if err := <-running; err == nil {
		t.Error("a part was stored after the abort")
	}
	if err := <-aborted; err != nil {
		t.Errorf("abort: %v", err)
	}
	if err := u.Abort(t.Context()); err != nil {
		t.Errorf("abort again: %v", err)
	}
	if _, err := u.Complete(t.Context(), nil, client.PutOptions{}); !errors.Is(err, foci.Closed) {
		t.Errorf("complete after abort: %v", err)
	}
	if got := get(t, s, "k", client.GetOptions{}); string(got) != "before" {
		t.Errorf("got %q", got)
	}
	if err := beginUpload(t, s, "k").Abort(t.Context(), p); err != nil {
		t.Errorf("abort by another process: %v", err)
	}
}

// storing is a session with a node that takes what take says it does; mu is held
// while that is called.
func storing(t *testing.T, mu *sync.Mutex, take func(r *record.Record) bool) *client.Session {
	t.Helper()
	return liar(t, func(in *mesh.Incoming) {
		var m wire.Store
		switch {
		case in.Method == wire.MethodQuery:
			r := wire.QueryReply{Epoch: 1, Clock: time.Now().UnixNano()}
			in.Reply(r.Append(nil), nil)
		case in.Method == wire.MethodStore && codec.Unmarshal(in.Head, &m) == nil:
			in.Collect(func(error) {
				mu.Lock()
				defer mu.Unlock()
				if m.Record.Payload = slices.Clone(in.Body); take(&m.Record) {
					r := wire.StoreReply{Epoch: 1}
					in.Reply(r.Append(nil), nil)
				}
			})
		default:
			in.Fail(foci.Errorf(foci.Protocol, "method %d", in.Method))
		}
	})
}

// chunks are those that a node was given, and those of them that were freed.
type chunks struct {
	t           *testing.T
	mu          sync.Mutex
	full, freed map[foci.ID]foci.Version
}

func (c *chunks) take(r *record.Record) bool {
	switch was := c.full[r.ID]; {
	case r.Op != record.OpChunk:
	case r.Check() != nil:
		c.t.Error(r.Check())
	case r.Size > 0:
		c.full[r.ID] = r.Version
	case !was.Less(r.Version):
		c.t.Errorf("chunk of version %v is freed by version %v", was, r.Version)
	default:
		c.freed[r.ID] = r.Version
	}
	return true
}

// count gives how many there are, and forgets them.
func (c *chunks) count() (full, freed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full, freed = len(c.full), len(c.freed)
	c.full, c.freed = map[foci.ID]foci.Version{}, map[foci.ID]foci.Version{}
	return full, freed
}

// TestUploadFrees: each chunk that no head names is followed by an empty one,
// and no chunk that one names is.
func TestUploadFrees(t *testing.T) {
	stored := &chunks{t: t}
	stored.count()
	s := storing(t, &stored.mu, stored.take)
	complete := func(u *client.Upload, p []client.Part) error {
		return failed(u.Complete(t.Context(), p, client.PutOptions{}))
	}
	for what, c := range map[string]struct {
		end   func(u *client.Upload, parts []client.Part) error
		freed int
	}{
		"abort":          {func(u *client.Upload, _ []client.Part) error { return u.Abort(t.Context()) }, 6},
		"complete":       {func(u *client.Upload, _ []client.Part) error { return complete(u, nil) }, 1},
		"complete some":  {func(u *client.Upload, p []client.Part) error { return complete(u, p[:1]) }, 3},
		"complete twice": {func(u *client.Upload, p []client.Part) error { return complete(u, slices.Repeat(p, 2)) }, 1},
	} {
		u := beginUpload(t, s, "k")
		putPart(t, u, 2, random(3, 1))
		parts := []client.Part{putPart(t, u, 1, random(9<<20, 1)), putPart(t, u, 2, random(5<<20, 2))}
		err := c.end(u, parts)
		if full, freed := stored.count(); err != nil || full != 6 || freed != c.freed {
			t.Errorf("%s: %d of %d chunks are freed, want %d of 6: %v", what, freed, full, c.freed, err)
		}
	}
}

// TestLatePartIsFreed: a part that is stored when the upload is complete fails.
func TestLatePartIsFreed(t *testing.T) {
	stored := &chunks{t: t}
	stored.count()
	s := storing(t, &stored.mu, stored.take)
	u := beginUpload(t, s, "k")
	putPart(t, u, 1, random(3, 1))
	slow, feed := io.Pipe()
	late := make(chan error, 1)
	go func() { late <- failed(u.Part(t.Context(), 2, slow, -1)) }()
	if _, err := feed.Write(random(1000, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Complete(t.Context(), nil, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	_ = feed.Close()
	if err := <-late; !errors.Is(err, foci.Closed) {
		t.Errorf("a late part: %v", err)
	}
	if full, freed := stored.count(); full != 2 || freed != 1 {
		t.Errorf("%d of %d chunks are freed, want 1 of 2", freed, full)
	}
}

// TestCompleteAgain: a Complete whose outcome is unknown is sent again as the
// same transaction.
func TestCompleteAgain(t *testing.T) {
	var heads []record.Record
	var mu sync.Mutex
	s := storing(t, &mu, func(r *record.Record) bool {
		if r.Op == record.OpChunk {
			return true
		}
		heads = append(heads, *r)
		return len(heads) > 2
	}).With(client.SessionOptions{Timeout: 300 * time.Millisecond, Resends: client.Off})
	u := beginUpload(t, s, "k")
	putPart(t, u, 1, random(5<<20, 1))
	calls := 0
	meta := func() ([]byte, error) { calls++; return []byte("meta"), nil }
	var versions []foci.Version
	for i := range 4 {
		res, err := u.Complete(t.Context(), nil, client.PutOptions{Meta: meta})
		if (err == nil) != (i > 1) || err != nil && foci.KindOf(err) != foci.OutcomeUnknown {
			t.Fatalf("complete for the time %d: %+v, %v", i+1, res, err)
		}
		versions = append(versions, res.Version)
		if err := u.Abort(t.Context()); !errors.Is(err, foci.Invalid) {
			t.Errorf("abort when it may be complete: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.Complete(ctx, nil, client.PutOptions{}); err != nil {
		t.Errorf("what is done: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for i := range heads {
		r := &heads[i]
		if r.Version != versions[0] || r.Check() != nil || string(r.Meta) != "meta" || !bytes.Equal(r.Payload, heads[0].Payload) {
			t.Errorf("head %d is %v with %q, want %v: %v", i, r.Version, r.Meta, versions[0], r.Check())
		}
	}
	if len(heads) != 3 || calls != 1 || len(slices.Compact(versions)) != 1 {
		t.Errorf("%d heads were sent, metadata was asked for %d times, versions %v", len(heads), calls, versions)
	}
}
