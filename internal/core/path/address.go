package path

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// penalty is how long a failed dial counts against an address.
const penalty = 10 * time.Second

// Addresses is the list of addresses of one peer, with the result of the last dial of
// each. The peer's link dials the address that [Addresses.Choose] picks.
type Addresses struct {
	classes Classes
	list    []address
	tables  []foci.Table  // of list, in that order, each once
	proven  route.Address // of the last successful dial; zero: none
}

type address struct {
	route.Address
	failed   bool // the last dial failed
	failedAt time.Duration
}

// NewAddresses makes an empty list. classes are the tables that each class
// prefers.
func NewAddresses(classes Classes) *Addresses { return &Addresses{classes: classes} }

// Set replaces the addresses, in the order in which to dial them, and reports whether
// any is new. It keeps the dial results of addresses that stay. The address of the last
// successful dial always stays, because addrs may be old: it comes first while the peer
// is connected, else last.
func (a *Addresses) Set(addrs []route.Address, connected bool) (added bool) {
	addrs = addrs[:min(len(addrs), foci.MaxAddrs)]
	next := make([]address, 0, len(addrs)+1)
	a.tables = nil
	for _, addr := range addrs {
		v := address{Address: addr}
		if old := a.find(addr); old != nil {
			v = *old
		} else {
			added = true
		}
		next = append(next, v)
		a.addTable(addr.Table)
	}
	if p := a.proven; p.Host != "" && len(next) < foci.MaxAddrs && !slices.Contains(addrs, p) {
		at := len(next)
		if connected {
			at = 0
		}
		next = slices.Insert(next, at, address{Address: p})
		a.addTable(p.Table)
	}
	a.list = next
	return added
}

func (a *Addresses) find(addr route.Address) *address {
	for i := range a.list {
		if a.list[i].Address == addr {
			return &a.list[i]
		}
	}
	return nil
}

func (a *Addresses) addTable(t foci.Table) {
	if !slices.Contains(a.tables, t) {
		a.tables = append(a.tables, t)
	}
}

// Opened observes that a dial of an address opened a channel. An address that is not
// in the list is inserted first, so that the other channels are dialled there too.
func (a *Addresses) Opened(addr route.Address) {
	a.proven = addr
	if known := a.find(addr); known != nil {
		known.failed = false
		return
	}
	if addr.Host == "" {
		return // the channel was not dialled here
	}
	a.list = slices.Insert(a.list, 0, address{Address: addr})
	a.list = a.list[:min(len(a.list), foci.MaxAddrs)]
	a.addTable(addr.Table)
}

// Failed observes that a dial of an address failed.
func (a *Addresses) Failed(addr route.Address, now time.Duration) {
	if known := a.find(addr); known != nil {
		known.failed, known.failedAt = true, now
	}
}

// Has reports whether an address is in the list.
func (a *Addresses) Has(addr route.Address) bool { return a.find(addr) != nil }

// Len is the number of addresses.
func (a *Addresses) Len() int { return len(a.list) }

// List returns the addresses in the order in which they are dialled.
func (a *Addresses) List() []route.Address {
	list := make([]route.Address, len(a.list))
	for i := range a.list {
		list[i] = a.list[i].Address
	}
	return list
}

// Tables returns the tables of the addresses. The slice must not be changed.
func (a *Addresses) Tables() []foci.Table { return a.tables }

// Choose picks the address to dial for a channel of a class, among those in some
// tables: the best for the class whose last dial did not fail, else the address whose
// failure is oldest.
func (a *Addresses) Choose(class foci.Class, among []foci.Table, now time.Duration) (route.Address, bool) {
	var best *address
	bestRank, bestFailed := 0, false
	for i := range a.list {
		v := &a.list[i]
		if !slices.Contains(among, v.Table) {
			continue
		}
		failed := v.failed && now-v.failedAt < penalty
		rank := a.classes.rank(class, v.Table)
		switch {
		case best == nil,
			bestFailed && !failed,
			bestFailed && failed && v.failedAt < best.failedAt,
			!bestFailed && !failed && rank < bestRank:
			best, bestRank, bestFailed = v, rank, failed
		}
	}
	if best == nil {
		return route.Address{}, false
	}
	return best.Address, true
}
