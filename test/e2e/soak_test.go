package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestSoak writes and reads for as long as FOCI_SOAK says (30m, 2h) while one
// node after another is killed and started again. Each worker has keys of its
// own, so it knows what a read may return: what it wrote last, or what was
// written since then with an unknown outcome.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("FOCI_SOAK"))
	if err != nil {
		t.Skip("takes as long as you say: set FOCI_SOAK=30m")
	}
	c := startCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	s := dial(t, c).Session(client.SessionOptions{Timeout: 20 * time.Second})
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() { soakWorker(t, ctx, s, w) })
	}
	kills := 0
	for ; ctx.Err() == nil && !t.Failed(); kills++ {
		node := fmt.Sprintf("n%d", kills%3+1)
		if err := c.kill(node); err != nil {
			t.Error(err)
			break
		}
		pause(ctx, time.Duration(rand.IntN(5000))*time.Millisecond)
		if err := c.serve(node); err != nil {
			t.Error(err)
			break
		}
		pause(ctx, time.Duration(rand.IntN(5000))*time.Millisecond)
	}
	cancel()
	workers.Wait()
	t.Logf("%d kills", kills)
}

// pause is the time between two faults: the length of a fault, not a wait for
// something to have happened.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// known is what a key may read as.
type known struct {
	contents [][]byte
	absent   bool // it may not be there
}

// soakWorker owns a few keys, and so knows what each of them may read as.
func soakWorker(t *testing.T, ctx context.Context, s *client.Session, w int) {
	var keys [16]known
	for k := range keys {
		keys[k].absent = true
	}
	for i := 0; ctx.Err() == nil && !t.Failed(); i++ {
		k := rand.IntN(len(keys))
		n := foci.Name{Bucket: "soak", Key: fmt.Sprintf("w%d/k%d", w, k)}
		if i%2 == 0 {
			keys[k].put(ctx, s, n, content(w<<24|i))
			continue
		}
		if err := keys[k].check(ctx, s, n); err != nil {
			t.Errorf("%v: %v", n, err)
		}
	}
}

func (k *known) put(ctx context.Context, s *client.Session, n foci.Name, b []byte) {
	_, err := s.Put(ctx, n, bytes.NewReader(b), int64(len(b)), client.PutOptions{})
	switch {
	case err == nil:
		*k = known{contents: [][]byte{b}}
	case foci.KindOf(err) == foci.OutcomeUnknown:
		k.contents = append(k.contents, b)
	}
}

// check reads the key; what was read once is never unread.
func (k *known) check(ctx context.Context, s *client.Session, n foci.Name) error {
	got, err := readAll(ctx, s, n)
	switch {
	case foci.KindOf(err) == foci.NotFound && !k.absent:
		return fmt.Errorf("it was there, and is not found: %w", err)
	case err != nil:
		return nil // no quorum for a while is no broken promise
	case !slices.ContainsFunc(k.contents, func(c []byte) bool { return bytes.Equal(c, got) }):
		return fmt.Errorf("%d bytes were read that are none of its %d possible contents", len(got), len(k.contents))
	}
	*k = known{contents: [][]byte{got}}
	return nil
}
