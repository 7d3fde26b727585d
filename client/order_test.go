package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

func appendTo(ctx context.Context, s *client.Session, key, text string) (client.Result, error) {
	return s.Append(ctx, name(key), strings.NewReader(text), int64(len(text)))
}

// TestOrderOfOneSession: many goroutines append to one key through one session.
// Each one's lines are there once, in its order.
func TestOrderOfOneSession(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var last foci.Version
			for i := range each {
				r, err := appendTo(t.Context(), s, "log", fmt.Sprintf("%d %d\n", w, i))
				if err != nil || !last.Less(r.Version) {
					t.Errorf("version %v after %v, %v", r.Version, last, err)
				}
				last = r.Version
			}
		})
	}
	wg.Wait()
	lines := strings.Fields(strings.ReplaceAll(string(get(t, s, "log", client.GetOptions{})), " ", ":"))
	if len(lines) != writers*each {
		t.Fatalf("%d lines, want %d", len(lines), writers*each)
	}
	next := make([]int, writers)
	for _, l := range lines {
		var w, i int
		if _, err := fmt.Sscanf(l, "%d:%d", &w, &i); err != nil || next[w] != i {
			t.Fatalf("line %q of writer %d, want his %d", l, w, next[w])
		}
		next[w]++
	}
}

// TestTurnsEnd: a change that waits for its turn ends when its time or its
// context does, and the turn goes on to the next.
func TestTurnsEnd(t *testing.T) {
	c := newCluster(t, 3, 3)
	cl := c.dialWith(client.Config{})
	s := cl.Session(client.SessionOptions{Timeout: 300 * time.Millisecond})
	put(t, s, "k", []byte("x"))
	c.stop(1)
	c.stop(2)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			in := t.Context()
			if i%2 == 0 {
				in = ctx
			}
			began := time.Now()
			_, err := appendTo(in, s, "k", "y")
			switch k := foci.KindOf(err); {
			case err == nil:
				t.Error("acknowledged without a quorum")
			case k != foci.Busy && k != foci.NoQuorum && k != foci.Canceled && k != foci.OutcomeUnknown:
				t.Error(err)
			case time.Since(began) > 5*time.Second:
				t.Errorf("it took %v, allowed were 300 ms", time.Since(began))
			}
		})
	}
	cancel()
	wg.Wait()
	c.start(1)
	c.start(2)
	long := cl.Session(client.SessionOptions{})
	put(t, long, "k", []byte("z"))
	if got := get(t, long, "k", client.GetOptions{}); string(got) != "z" {
		t.Fatalf("got %q", got)
	}
}

// TestCanceled: a context that has ended before the call changes nothing and
// says so; one that ends during it ends the call.
func TestCanceled(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	put(t, s, "k", []byte("old"))
	cause := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, foci.Canceled) || !errors.Is(err, cause) {
			t.Errorf("%s: %v", what, err)
		}
	}
	calls := func(ctx context.Context, check func(string, error)) {
		_, err := s.Put(ctx, name("k"), strings.NewReader("new"), 3, client.PutOptions{})
		check("put", err)
		_, err = s.Put(ctx, name("k"), strings.NewReader("new"), -1, client.PutOptions{})
		check("put of unknown size", err)
		_, err = appendTo(ctx, s, "k", "new")
		check("append", err)
		_, err = s.Remove(ctx, name("k"))
		check("remove", err)
		_, err = s.Get(ctx, name("k"), client.GetOptions{})
		check("get", err)
		_, err = s.Stat(ctx, name("k"))
		check("stat", err)
		err = nil
		for _, err = range s.List(ctx, "test-bucket", client.ListOptions{}) {
			break
		}
		check("list", err)
		err = nil
		for _, err = range s.History(ctx, name("k")) {
			break
		}
		check("history", err)
	}
	calls(ctx, check)
	if got := get(t, s, "k", client.GetOptions{}); string(got) != "old" {
		t.Fatalf("got %q", got)
	}
	c.stop(1)
	c.stop(2)
	ctx, cancel = context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	calls(ctx, check)
}

// TestManyPuts has a thousand puts under way at the same time.
func TestManyPuts(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	const puts = 1000
	var wg sync.WaitGroup
	for i := range puts {
		wg.Go(func() {
			content := fmt.Appendf(nil, "content %d", i)
			key := fmt.Sprintf("many/%d", i)
			if _, err := s.Put(t.Context(), name(key), bytes.NewReader(content), int64(len(content)), client.PutOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range puts {
		wg.Go(func() {
			if got := get(t, s, fmt.Sprintf("many/%d", i), client.GetOptions{}); string(got) != fmt.Sprintf("content %d", i) {
				t.Errorf("%d: got %q", i, got)
			}
		})
	}
	wg.Wait()
}

// TestLevels: with one of three nodes up only levels of one go on; with two, all
// but that of all.
func TestLevels(t *testing.T) {
	c := newCluster(t, 3, 3)
	cl := c.dialWith(client.Config{})
	at := func(ack, read foci.Level) *client.Session {
		return cl.Session(client.SessionOptions{Ack: ack, Read: read, Timeout: time.Second})
	}
	one, quorum, all := at(foci.One, foci.One), at(foci.Quorum, foci.Quorum), at(foci.All, foci.All)
	put(t, all, "k", []byte("all"))
	try := func(s *client.Session, writes, reads bool) {
		t.Helper()
		_, err := s.Put(t.Context(), name("k"), strings.NewReader("new"), 3, client.PutOptions{})
		if k := foci.KindOf(err); (err == nil) != writes || err != nil && k != foci.OutcomeUnknown && k != foci.NoQuorum {
			t.Errorf("put: %v, want success: %v", err, writes)
		}
		obj, err := s.Get(t.Context(), name("k"), client.GetOptions{})
		if (err == nil) != reads || err != nil && foci.KindOf(err) != foci.NoQuorum {
			t.Errorf("get: %v, want success: %v", err, reads)
		}
		if err == nil {
			_ = obj.Close()
		}
	}
	c.stop(2)
	try(one, true, true)
	try(quorum, true, true)
	try(all, false, false)
	c.stop(1)
	try(one, true, true)
	try(quorum, false, false)
}
