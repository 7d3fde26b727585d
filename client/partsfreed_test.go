package client_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/record"
)

// TestCompleteKeepsItsParts: Complete never frees a part of the object, also when
// another part of its number was stored later.
func TestCompleteKeepsItsParts(t *testing.T) {
	stored := &chunks{t: t}
	stored.count()
	heads := 0
	s := storing(t, &stored.mu, func(r *record.Record) bool {
		if r.Op != record.OpChunk {
			heads++
			return heads != 2 // the first of "unknown outcome"
		}
		return stored.take(r)
	}).With(client.SessionOptions{Timeout: 300 * time.Millisecond, Resends: client.Off})
	for _, c := range []struct {
		what     string
		complete func(u *client.Upload, old client.Part) error
	}{
		{"old part", func(u *client.Upload, old client.Part) error {
			putPart(t, u, 1, []byte("new"))
			return failed(u.Complete(t.Context(), []client.Part{old}, client.PutOptions{}))
		}},
		{"unknown outcome", func(u *client.Upload, _ client.Part) error {
			if _, err := u.Complete(t.Context(), nil, client.PutOptions{}); !errors.Is(err, foci.OutcomeUnknown) {
				return err
			}
			putPart(t, u, 1, []byte("new"))
			return failed(u.Complete(t.Context(), nil, client.PutOptions{}))
		}},
		{"stored meanwhile", func(u *client.Upload, _ client.Part) error {
			return failed(u.Complete(t.Context(), nil, client.PutOptions{Meta: func() ([]byte, error) {
				putPart(t, u, 1, []byte("new"))
				return nil, nil
			}}))
		}},
	} {
		u := beginUpload(t, s, "k")
		old := putPart(t, u, 1, []byte("old"))
		stored.mu.Lock()
		used := slices.Collect(maps.Keys(stored.full))
		stored.mu.Unlock()
		err := c.complete(u, old)
		stored.mu.Lock()
		_, lost := stored.freed[used[0]]
		stored.mu.Unlock()
		if full, freed := stored.count(); err != nil || lost || full != 2 || freed != 1 {
			t.Errorf("%s: %d of %d parts are freed, that of the object: %t; %v", c.what, freed, full, lost, err)
		}
	}
}

// TestCompleteFreesTheRest: what Complete could not free, another call frees.
func TestCompleteFreesTheRest(t *testing.T) {
	var mu sync.Mutex
	freed := 0
	s := storing(t, &mu, func(r *record.Record) bool {
		if r.Op == record.OpChunk && r.Size == 0 {
			freed++
			return freed > 1
		}
		return true
	}).With(client.SessionOptions{Timeout: 300 * time.Millisecond, Resends: client.Off})
	u := beginUpload(t, s, "k")
	putPart(t, u, 1, []byte("old"))
	putPart(t, u, 1, []byte("new"))
	for i, want := range []int{1, 2, 2} {
		if _, err := u.Complete(t.Context(), nil, client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if freed != want {
			t.Errorf("call %d: the part was freed %d times, want %d", i+1, freed, want)
		}
		mu.Unlock()
	}
}

// TestAbortGivenUp: an Abort whose context has ended fails, and another one frees the
// parts.
func TestAbortGivenUp(t *testing.T) {
	stored := &chunks{t: t}
	stored.count()
	u := beginUpload(t, storing(t, &stored.mu, stored.take), "k")
	putPart(t, u, 1, random(9<<20, 1))
	gone := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if err := u.Abort(ctx); foci.KindOf(err) != foci.Canceled || !errors.Is(err, gone) {
		t.Errorf("abort with an ended context: %v", err)
	}
	if err := u.Abort(t.Context()); err != nil {
		t.Errorf("abort: %v", err)
	}
	if full, freed := stored.count(); full != 3 || freed != 3 {
		t.Errorf("%d of %d chunks are freed", freed, full)
	}
}
