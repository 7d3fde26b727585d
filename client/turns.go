package client

import (
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
)

// maxQueued bounds the mutations of a session that wait for an earlier one of
// the same key.
const maxQueued = 16384

// turns lets the mutations of one key run one at a time.
type turns struct {
	mu    sync.Mutex
	order *txn.Order[foci.Name, *mutation]
}

func newTurns() *turns { return &turns{order: txn.NewOrder[foci.Name, *mutation](maxQueued)} }

// release ends the turn of a key's mutation and starts the next. One that ends
// while it starts is passed over here, so that a long queue is no deep stack.
func (t *turns) release(n foci.Name) {
	for {
		t.mu.Lock()
		next, ok := t.order.Release(n)
		t.mu.Unlock()
		if !ok || next.start() {
			return
		}
	}
}

var errNoTurn = &foci.Error{Kind: foci.Busy, Msg: "earlier changes of the same key took all of its time, nothing was sent", Fix: "try again, or allow more time"}
