package stream

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// TestStallAndTheRest: a body of which the rest comes while it is given up either
// has arrived or has failed. Of one that has arrived a relay does not tell that
// nothing was done.
func TestStallAndTheRest(t *testing.T) {
	cfg := &Config{Window: frame.DefWindow}
	r := &relay{q: &Request{}}
	for range 10000 {
		b := newBody(&conn{cfg: cfg}, &frame.Header{Body: 10})
		b.served.Store(true)
		b.commit(5, frame.NewBuffer(5))
		var both sync.WaitGroup
		both.Go(func() { b.stall(time.Second) })
		b.commit(5, frame.NewBuffer(5))
		both.Wait()
		r.q.Source = &feed{body: b}
		arrived, err := b.progress()
		if (arrived == 10) != (err == nil) || !errors.Is(r.bodyError(), err) {
			t.Fatalf("%d bytes of 10 have arrived, and %v; the relay says %v", arrived, err, r.bodyError())
		}
		b.fail(errCanceledByPeer)
		if got := r.bodyError(); (got == nil) != (arrived == 10) {
			t.Fatalf("%d bytes of 10 have arrived: the relay says %v", arrived, got)
		}
	}
}

// TestProgress is who is to blame for a request that does not move.
func TestProgress(t *testing.T) {
	const piece = frame.MaxPiece
	type look struct {
		left, credit, channel, took int64
		arriving                    int
		idle                        int // looks that count so far
	}
	for name, looks := range map[string][]look{
		"it moves":               {{100, 9, 9, 1, 1, 0}, {90, 9, 9, 11, 1, 0}, {80, 9, 9, 21, 1, 0}},
		"it stops":               {{100, 9, 9, 1, 1, 0}, {100, 9, 9, 1, 1, 1}, {100, 9, 9, 1, 1, 2}},
		"it goes on":             {{100, 9, 9, 1, 1, 0}, {100, 9, 9, 1, 1, 1}, {99, 9, 9, 2, 1, 0}, {99, 9, 9, 2, 1, 1}},
		"no credit":              {{100, 0, 9, 1, 1, 0}, {100, 0, 9, 1, 1, 0}, {100, 9, 0, 1, 1, 0}, {100, 9, 9, 1, 1, 1}},
		"the turn of others":     {{100, 9, 9, 1, 9, 0}, {100, 9, 9, piece, 9, 0}, {100, 9, 9, 8 * piece, 9, 0}, {100, 9, 9, 17 * piece, 9, 0}},
		"only others move":       {{100, 9, 9, 1, 2, 0}, {100, 9, 9, 5 * piece, 2, 1}, {100, 9, 9, 9 * piece, 2, 2}},
		"others stop, too":       {{100, 9, 9, 1, 9, 0}, {100, 9, 9, piece, 9, 0}, {100, 9, 9, piece, 9, 1}},
		"one byte now and again": {{100, 9, 9, 1, 1, 0}, {100, 9, 9, 1, 1, 1}, {99, 9, 9, 2, 1, 0}, {99, 9, 9, 2, 1, 1}, {98, 9, 9, 3, 1, 0}},
	} {
		var p progress
		for i, c := range looks {
			if got := p.update(c.left, c.credit, c.channel, c.took, c.arriving, time.Second); got != time.Duration(c.idle)*time.Second {
				t.Errorf("%s, look %d: idle for %v, want %d s", name, i, got, c.idle)
			}
		}
	}
}
