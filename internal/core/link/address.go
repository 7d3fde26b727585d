package link

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// Addr is where a peer can be dialled.
type Addr struct {
	HostPort string     // host:port
	Table    foci.Table // by which one comes who dials it; the hello names it, the welcome decides
	Network  string     // tcp4, tcp6; "" = tcp: whatever the name resolves to
}

// String is the host and port.
func (a Addr) String() string { return a.HostPort }

// address is one of the peer's, and how it went there.
type address struct {
	Addr
	failed   bool // the last dial
	failedAt time.Duration
}

// SetAddrs gives the peer's addresses, in the order in which to try them. What
// is known of those that stay stays. The one by which the peer was reached last
// is kept in any case, because what others tell may be old: before them while a
// channel is open, else behind them.
func (m *Machine) SetAddrs(out []Effect, now time.Duration, addrs []Addr) []Effect {
	if len(addrs) > foci.MaxAddrs {
		addrs = addrs[:foci.MaxAddrs]
	}
	next := make([]address, 0, len(addrs))
	var tables []foci.Table
	for _, a := range addrs {
		v := address{Addr: a}
		for _, old := range m.addrs {
			if old.Addr == a {
				v = old
			}
		}
		if !slices.Contains(m.Addrs(), a) {
			m.retryAt = min(m.retryAt, now) // what failed was another address
		}
		next = append(next, v)
		if !slices.Contains(tables, a.Table) {
			tables = append(tables, a.Table)
		}
	}
	if p := m.proven; p.HostPort != "" && len(next) < foci.MaxAddrs && !slices.ContainsFunc(next, func(a address) bool { return a.Addr == p }) {
		at := len(next)
		if m.open > 0 {
			at = 0
		}
		next = slices.Insert(next, at, address{Addr: p})
		if !slices.Contains(tables, p.Table) {
			tables = append(tables, p.Table)
		}
	}
	m.addrs, m.tables = next, tables
	for len(m.slots[foci.Ping]) < m.pings() {
		m.slots[foci.Ping] = append(m.slots[foci.Ping], slot{})
	}
	m.each(func(_ Slot, s *slot) {
		if s.dialing != 0 && !slices.Contains(m.Addrs(), s.addr) {
			s.dialing = 0 // it may hang for long at an address that is the peer's no more
		}
	})
	return m.dial(out, now)
}

// reached says that the peer was met at an address, which may be none that is
// known: then the other channels are dialled there too, before the known ones.
func (m *Machine) reached(a Addr) {
	m.proven = a
	if a.HostPort == "" || slices.Contains(m.Addrs(), a) {
		return
	}
	m.addrs = slices.Insert(m.addrs, 0, address{Addr: a})
	m.addrs = m.addrs[:min(len(m.addrs), foci.MaxAddrs)]
	if slices.Contains(m.tables, a.Table) {
		return
	}
	m.tables = append(m.tables, a.Table)
	for len(m.slots[foci.Ping]) < m.pings() {
		m.slots[foci.Ping] = append(m.slots[foci.Ping], slot{})
	}
}

// Addrs are the peer's addresses.
func (m *Machine) Addrs() []Addr {
	list := make([]Addr, len(m.addrs))
	for i := range m.addrs {
		list[i] = m.addrs[i].Addr
	}
	return list
}

// forgiven is how long a failed dial counts against an address.
const forgiven = 10 * time.Second

// choose is the address to dial for a slot: the best whose last dial did not
// fail, else the one that failed first. A channel for pings has its table.
func (m *Machine) choose(where Slot, now time.Duration) (Addr, bool) {
	var best *address
	bestRank, bestFailed := 0, false
	for i := range m.addrs {
		a := &m.addrs[i]
		if where.Class == foci.Ping && a.Table != m.tables[where.Index/m.cfg.Channels[foci.Ping]] {
			continue
		}
		failed := a.failed && now-a.failedAt < forgiven
		rank := m.rank(where.Class, a.Table)
		switch {
		case best == nil,
			bestFailed && !failed,
			bestFailed && failed && a.failedAt < best.failedAt,
			!bestFailed && !failed && rank < bestRank:
			best, bestRank, bestFailed = a, rank, failed
		}
	}
	if best == nil {
		return Addr{}, false
	}
	return best.Addr, true
}

// rank is a table's place in the preference of a class.
func (m *Machine) rank(class foci.Class, t foci.Table) int {
	if i := slices.Index(m.cfg.Tables[class], t); i >= 0 {
		return i
	}
	return len(m.cfg.Tables[class])
}

// went notes how a dial of an address ended.
func (m *Machine) went(a Addr, now time.Duration, failed bool) {
	for i := range m.addrs {
		if m.addrs[i].Addr == a {
			m.addrs[i].failed, m.addrs[i].failedAt = failed, now
		}
	}
}
