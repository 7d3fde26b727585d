package store

import (
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
)

// A hint is stored with its giver, the peer that sent it, so that the shares of a
// backend's hints hold after a restart. A hint without a giver counts as a member's:
// members have no share of their own, and an older release stored no giver.
const (
	byMember = 1
	byClient = 2 // the principal follows
)

// giverTag is the metadata of a hint's record and the value of its row; nothing
// for a member.
func giverTag(w share.Who) []byte {
	if w.Member {
		return nil
	}
	return append([]byte{byClient}, w.Principal...)
}

// giverOf returns the giver of a hint with this row.
func giverOf(row []byte) share.Who {
	if len(row) > 0 && row[0] == byClient {
		return share.Who{Principal: rights.Principal(row[1:])}
	}
	return share.Who{Member: true}
}

// giver returns the peer that a hint counts against.
func giver(w share.Who) share.Who {
	if w.Member || mutant.On(mutant.HintShare) {
		return share.Who{Member: true}
	}
	return w
}

// count counts one more hint of a peer, or says why the peer may give no more.
func (h *hints) count(w share.Who) (why string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.pool.Join(giver(w))
	defer h.pool.Leave(p)
	if ok = h.pool.Take(p, 1); !ok {
		h.refused++
		return h.pool.Why(p, 1), false
	}
	return "", true
}

// uncount counts one less.
func (h *hints) uncount(w share.Who) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.pool.Join(giver(w))
	defer h.pool.Leave(p)
	h.pool.Give(p, 1)
}

// restore counts a stored hint at start, whatever the limits.
func restore(pool *share.Pool, w share.Who) {
	p := pool.Join(giver(w))
	defer pool.Leave(p)
	pool.Force(p, 1)
}
