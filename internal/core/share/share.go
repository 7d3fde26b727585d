// Package share divides one limit of a process among its peers, so that no peer
// can use up what all need: no principal holds more than an eighth of the limit,
// and a quarter is kept for members of the cluster.
//
// A [Pool] is one limit, of bytes or of things. It is a pure value without locks:
// its owner guards it.
package share

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
)

const (
	perPrincipal = 8 // one principal may hold limit/8
	forMembers   = 4 // limit/4 is kept for members
)

// Who is a peer as far as limits go. Peers that have proved nothing cannot be
// told apart: they have one part together, which may be all but the members'.
type Who struct {
	Principal rights.Principal
	Member    bool // a data node or a node client; it may use everything
}

// Pool is one limit and what is in use of it.
type Pool struct {
	limit, used int64
	parts       map[Who]*Part
}

// Part is what one peer holds of a pool.
type Part struct {
	who  Who
	used int64
	pins int   // Join without Leave
	most int64 // that this peer may hold
	open int64 // that all together may hold for this peer to take more
}

// New makes a pool.
func New(limit int64) *Pool { return &Pool{limit: limit, parts: map[Who]*Part{}} }

// Join finds the part of a peer, or makes it. The part stays in the pool until
// as many calls of Leave, and for as long as something is held through it. So
// there are no more parts than joins and held units.
func (p *Pool) Join(w Who) *Part {
	h := p.parts[w]
	if h == nil {
		h = &Part{who: w, most: p.limit, open: p.limit}
		if !w.Member && !mutant.On(mutant.MembersReserve) {
			h.open -= p.limit / forMembers
		}
		if !w.Member && w.Principal != "" && !mutant.On(mutant.PrincipalShare) {
			h.most = max(1, p.limit/perPrincipal)
		}
		p.parts[w] = h
	}
	h.pins++
	return h
}

// Leave ends a Join.
func (p *Pool) Leave(h *Part) {
	h.pins--
	p.drop(h)
}

func (p *Pool) drop(h *Part) {
	if h.used == 0 && h.pins == 0 && p.parts[h.who] == h {
		delete(p.parts, h.who)
	}
}

// Take takes n units, or nothing when they are too many, between Join and Leave.
// What is taken while nothing else is held always fits, however much it is.
func (p *Pool) Take(h *Part, n int64) bool { return p.Grow(h, 0, n) }

// Grow raises what one taker holds from held to n units, or not at all.
func (p *Pool) Grow(h *Part, held, n int64) bool {
	others, siblings := p.used-held, h.used-held
	if others > 0 && others+n > h.open || siblings > 0 && siblings+n > h.most {
		return false
	}
	p.Force(h, n-held)
	return true
}

// Force takes n units whatever the limits: for what has to be held anyway.
func (p *Pool) Force(h *Part, n int64) {
	p.used += n
	h.used += n
}

// Give returns n units.
func (p *Pool) Give(h *Part, n int64) {
	p.used -= n
	h.used -= n
	p.drop(h)
}

// Over reports whether a part, or all, is at its limit or over it.
func (p *Pool) Over(h *Part) bool { return p.used >= h.open || h.used >= h.most }

// Why says, of n units that Take has refused, which limit it was.
func (p *Pool) Why(h *Part, n int64) string {
	if h.used > 0 && h.used+n > h.most {
		return fmt.Sprintf("%s holds its share, %d of %d", h.who.Principal, h.used, p.limit)
	}
	return fmt.Sprintf("%d of %d are in use", p.used, p.limit)
}

// Used is what all hold.
func (p *Pool) Used() int64 { return p.used }

// Limit is the most that may be held.
func (p *Pool) Limit() int64 { return p.limit }

// Parts is how many parts there are.
func (p *Pool) Parts() int { return len(p.parts) }

// Held is what one peer holds.
type Held struct {
	Principal rights.Principal `json:"principal,omitempty"` // empty: all peers that have proved nothing
	Member    bool             `json:"member,omitempty"`
	Used      int64            `json:"used"`
}

// Name is the principal, or who is meant when it is empty.
func (h *Held) Name() string {
	switch {
	case h.Principal != "":
		return string(h.Principal)
	case h.Member:
		return "members"
	}
	return "-"
}

// Top is who holds the most, at most n of them.
func (p *Pool) Top(n int) []Held {
	var all []Held
	for w, h := range p.parts {
		if h.used > 0 {
			all = append(all, Held{w.Principal, w.Member, h.used})
		}
	}
	slices.SortFunc(all, func(a, b Held) int {
		return cmp.Or(cmp.Compare(b.Used, a.Used), cmp.Compare(a.Principal, b.Principal))
	})
	return all[:min(n, len(all))]
}
