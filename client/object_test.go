package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

func open(t *testing.T, s *client.Session, key string, o client.OpenOptions) *client.Object {
	t.Helper()
	obj, err := s.Open(t.Context(), name(key), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = obj.Close() })
	return obj
}

// reads wants every way of reading an object to give its content.
func reads(t *testing.T, obj *client.Object, content []byte) {
	t.Helper()
	if obj.Info().Size != int64(len(content)) {
		t.Fatalf("size %d, want %d", obj.Info().Size, len(content))
	}
	var all bytes.Buffer
	if n, err := obj.WriteTo(&all); err != nil || n != int64(len(content)) || !bytes.Equal(all.Bytes(), content) {
		t.Errorf("all %d of %d bytes: %v", n, len(content), err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 8 {
				off := rand.Int64N(int64(len(content)) + 1)
				n := rand.Int64N(min(6<<20, int64(len(content))-off) + 1)
				want := content[off : off+n]
				got := make([]byte, n)
				if k, err := obj.ReadAt(got, off); err != nil || int64(k) != n || !bytes.Equal(got, want) {
					t.Errorf("ReadAt %d+%d: %d bytes, %v", off, n, k, err)
				}
				r := obj.Range(off, n)
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, want) || r.Close() != nil {
					t.Errorf("Range %d+%d: %d bytes, %v", off, n, len(got), err)
				}
			}
		})
	}
	wg.Wait()
	size := int64(len(content))
	for off, want := range map[int64]string{-1: "offset -1", size: "EOF", size + 5: "EOF", max(size-1, 0): "EOF"} {
		n, err := obj.ReadAt(make([]byte, 2), off)
		if err == nil || !strings.Contains(err.Error(), want) || off >= 0 && off == size-1 && n != 1 {
			t.Errorf("ReadAt %d: %d bytes, %v, want %s", off, n, err, want)
		}
	}
	for _, off := range []int64{-1, size + 1} {
		if _, err := obj.Range(off, 1).Read(make([]byte, 1)); !errors.Is(err, foci.Invalid) {
			t.Errorf("Range from %d: %v", off, err)
		}
	}
	if tail, err := io.ReadAll(obj.Range(size/2, -1)); err != nil || !bytes.Equal(tail, content[size/2:]) {
		t.Errorf("Range from %d: %d bytes, %v", size/2, len(tail), err)
	}
}

func TestOpen(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	for _, sizes := range [][]int{{0}, {7}, {100 << 10}, {9<<20 + 5}, {3, 4, 5}, {5 << 20, 1, 6 << 20, 70 << 10, 0, 9}} {
		var content []byte
		for i, size := range sizes {
			b := random(size, uint64(i+1))
			content = append(content, b...)
			var err error
			if i == 0 {
				_, err = s.Put(t.Context(), name("k"), bytes.NewReader(b), int64(size), client.PutOptions{Meta: client.Meta([]byte("meta"))})
			} else {
				_, err = s.Append(t.Context(), name("k"), bytes.NewReader(b), int64(size))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		obj := open(t, s, "k", client.OpenOptions{})
		if info := obj.Info(); string(info.Meta) != "meta" || info.Appends != len(sizes)-1 || info.Name != name("k") {
			t.Errorf("%v: %+v", sizes, info)
		}
		reads(t, obj, content)
	}
}

// TestOpenPins: an object that is open stays what it was, and an older version
// can be opened.
func TestOpenPins(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	content := random(5<<20, 1)
	r := put(t, s, "k", content)
	if _, err := s.Append(t.Context(), name("k"), strings.NewReader("first"), 5); err != nil {
		t.Fatal(err)
	}
	pinned := open(t, s, "k", client.OpenOptions{})
	for _, change := range []func() error{
		func() error { return failed(s.Append(t.Context(), name("k"), strings.NewReader("more"), 4)) },
		func() error {
			return failed(s.Put(t.Context(), name("k"), strings.NewReader("other"), 5, client.PutOptions{}))
		},
		func() error { return failed(s.Remove(t.Context(), name("k"))) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		reads(t, pinned, append(slices.Clone(content), "first"...))
	}
	reads(t, open(t, s, "k", client.OpenOptions{Version: r.Version}), content)
	if _, err := s.Open(t.Context(), name("k"), client.OpenOptions{}); foci.KindOf(err) != foci.NotFound {
		t.Errorf("open of a removed object: %v", err)
	}
	_ = pinned.Close()
	if _, err := pinned.ReadAt(make([]byte, 1), 0); !errors.Is(err, foci.Closed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestOpenOutlivesHolders: an open object is read from a group that did not have it
// when it was opened, once that has been brought it.
func TestOpenOutlivesHolders(t *testing.T) {
	c := newCluster(t, 3, 3)
	conn := c.dialWith(client.Config{})
	s := conn.Session(client.SessionOptions{Timeout: 5 * time.Second})
	c.stop(2)
	content := random(300<<10, 1)
	put(t, s, "k", content)
	if _, err := s.Append(t.Context(), name("k"), strings.NewReader("more"), 4); err != nil {
		t.Fatal(err)
	}
	obj := open(t, s, "k", client.OpenOptions{})
	soon(t, "hints are kept", func() bool { n, _ := hintsOf(t, conn); return n > 0 })
	c.start(2)
	soon(t, "hints are delivered", func() bool {
		n, objects := hintsOf(t, conn)
		return n == 0 && len(objects) == 3 && slices.Min(objects) > 0
	})
	c.stop(0)
	c.stop(1)
	reads(t, obj, append(content, "more"...))
}

// logServer is the log of one object, as a node gives it.
type logServer struct {
	fetches atomic.Int64
	mu      sync.Mutex
	log     []record.Record // guarded by mu
}

// add adds a transaction; mu is held.
func (l *logServer) add(op record.Op, at int64, payload string) {
	r := record.Record{Entry: record.Entry{Op: op, Version: foci.Version{Time: at, Nonce: 1}, Size: uint64(len(payload))}, Payload: []byte(payload)}
	r.Seal()
	l.log = append(l.log, r)
	slices.SortFunc(l.log, func(a, b record.Record) int { return a.Version.Compare(b.Version) })
}

func (l *logServer) vote() (v record.Vote) {
	for i := range l.log {
		e := &l.log[i].Entry
		if e.Op.IsBase() {
			v = record.Vote{Base: e.Version, BaseOp: e.Op}
		}
		v.Count++
		v.Size += e.Size
		v.Sum = v.Sum.Add(e.Sum())
		v.Newest = e.Version
	}
	return v
}

func (l *logServer) fetch(f *wire.Fetch) (r wire.FetchReply, body []byte) {
	r.Epoch = 1
	offset, left := int(f.Offset), int(f.MaxBytes)
	for i := range l.log {
		e := &l.log[i]
		switch {
		case e.Version.Less(f.From):
			continue
		case !f.To.IsZero() && f.To.Less(e.Version):
			return r, body
		case len(r.Entries) == int(f.Limit):
			r.More = true
			return r, body
		}
		b := e.Payload[min(offset, len(e.Payload)):]
		if len(b) > left && len(r.Entries) > 0 {
			b, left = nil, 0
		}
		b = b[:min(len(b), left)]
		offset, left = 0, left-len(b)
		body = append(body, b...)
		r.Entries = append(r.Entries, wire.FetchedEntry{Entry: e.Entry, Bytes: uint32(len(b))})
	}
	return r, body
}

func (l *logServer) answer(in *mesh.Incoming) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var f wire.Fetch
	switch {
	case in.Method == wire.MethodQuery:
		r := wire.QueryReply{Epoch: 1, Vote: l.vote()}
		in.Reply(r.Append(nil), nil)
	case in.Method == wire.MethodFetch && codec.Unmarshal(in.Head, &f) == nil:
		l.fetches.Add(1)
		r, body := l.fetch(&f)
		in.Reply(r.Append(nil), body)
	default:
		in.Fail(foci.Errorf(foci.Protocol, "method %d", in.Method))
	}
}

// longLog is an object of a put and so many appends, in two or three spans, with
// room for others between them.
func longLog(appends int) (*logServer, []byte) {
	l := &logServer{}
	l.log = make([]record.Record, 0, appends+1)
	var content []byte
	for i := range appends + 1 {
		text := fmt.Sprintf("transaction %d;", i)
		op := record.OpAppend
		if i == 0 {
			op = record.OpPut
		}
		r := record.Record{Entry: record.Entry{Op: op, Version: foci.Version{Time: int64(10 * (i + 1)), Nonce: 1}, Size: uint64(len(text))}, Payload: []byte(text)}
		r.Seal()
		l.log = append(l.log, r)
		content = append(content, text...)
	}
	return l, content
}

func TestOpenLongLog(t *testing.T) {
	l, content := longLog(10_000)
	s := liar(t, l.answer)
	obj := open(t, s, "k", client.OpenOptions{})
	reads(t, obj, content)
	// One after the other a span is asked for once, and its content beside.
	before := l.fetches.Load()
	for off := int64(0); off < 4000; off += 100 {
		if _, err := obj.ReadAt(make([]byte, 100), off); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.fetches.Load() - before; n > 42 {
		t.Errorf("%d requests for 40 reads", n)
	}
}

// TestOpenNeverMixes: appends that slide in, or transactions that are destroyed,
// while an object is open are either not seen or end the reading with Gone.
func TestOpenNeverMixes(t *testing.T) {
	for _, appends := range []int{3, 9000} {
		for what, change := range map[string]func(l *logServer){
			"slid in":       func(l *logServer) { l.add(record.OpAppend, 25, "late"); l.add(record.OpAppend, 15, "later") },
			"put within":    func(l *logServer) { l.add(record.OpPut, 25, "late") },
			"destroyed":     func(l *logServer) { l.log = slices.Delete(l.log, 1, 2) },
			"replaced":      func(l *logServer) { l.log = nil; l.add(record.OpPut, 1e6, "other") },
			"base is gone":  func(l *logServer) { l.log = l.log[1:] },
			"appended only": func(l *logServer) { l.add(record.OpAppend, 1e6, "newer") },
		} {
			l, content := longLog(appends)
			s := liar(t, l.answer)
			obj := open(t, s, "k", client.OpenOptions{})
			l.mu.Lock()
			change(l)
			l.mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			for range 50 {
				off := rand.IntN(len(content) - 20)
				got := make([]byte, 20)
				n, err := obj.ReadAt(got, int64(off))
				switch {
				case err == nil && bytes.Equal(got, content[off:off+20]):
				case err != nil && foci.KindOf(err) == foci.Gone && bytes.Equal(got[:n], content[off:off+n]) && what != "appended only":
				default:
					t.Fatalf("%d appends, %s: read %q at %d, want %q: %v", appends, what, got[:n], off, content[off:off+20], err)
				}
			}
			if ctx.Err() != nil {
				t.Fatalf("%s: too slow", what)
			}
			cancel()
		}
	}
}

// TestClosedObject: no read of a closed object succeeds, nor one of a range that was
// opened before.
func TestClosedObject(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	for _, size := range []int{0, 5, 9 << 20} {
		put(t, s, "k", random(size, 1))
		obj := open(t, s, "k", client.OpenOptions{})
		before := obj.Range(0, -1)
		_ = obj.Close()
		wantClosed := func(what string, n int64, err error) {
			t.Helper()
			if n != 0 || foci.KindOf(err) != foci.Closed || strings.Contains(err.Error(), "changed") {
				t.Errorf("%d bytes, %s: %d bytes, %v", size, what, n, err)
			}
		}
		_, err := before.Read(make([]byte, 1))
		wantClosed("range of before", 0, err)
		for range 20 {
			for _, off := range []int64{-1, 0, 2, int64(size), int64(size) + 1} {
				n, err := obj.ReadAt(make([]byte, 2), off)
				wantClosed("ReadAt", int64(n), err)
				n, err = obj.Range(off, -1).Read(make([]byte, 2))
				wantClosed("Range", int64(n), err)
			}
			n, err := obj.WriteTo(io.Discard)
			wantClosed("WriteTo", n, err)
		}
	}
}
