package membership

import (
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

const (
	exchangeEvery = 10 * time.Second // with one random peer
	upkeepEvery   = 5 * time.Second
)

// MaxRemembered is the most addresses that are remembered from run to run: enough
// to find a node, few enough to dial them all.
const MaxRemembered = 64

// upkeep exchanges routes with a random peer from time to time, gives up absent nodes,
// saves the known nodes and renews the signature of our route.
func (m *Members) upkeep() {
	look := time.NewTicker(upkeepEvery)
	defer look.Stop()
	next := time.After(exchangeEvery/2 + rand.N(exchangeEvery))
	for {
		select {
		case <-m.ctx.Done():
			m.remember()
			return
		case <-look.C:
			m.giveUpAbsent(m.cfg.Clock())
			m.remember()
			m.proofs.renew()
		case <-next:
			next = time.After(exchangeEvery/2 + rand.N(exchangeEvery))
			for _, id := range m.peersUp(1) {
				m.exchanger.add(id)
			}
		}
	}
}

// giveUpAbsent removes nodes that left without Leave: those that are not in the layout
// and have been unreachable for long.
func (m *Members) giveUpAbsent(now time.Duration) {
	l := m.Layout()
	for _, k := range m.mesh.Peers() {
		id := k.Node()
		if m.view.giveUp(id, !k.Up() && !placed(l, id).Is, now) {
			m.log.Info("node given up: it has been unreachable for long and is not in the layout", "peer", id)
			m.dialer.hangUp(id)
		}
	}
}

// giveUp records whether a node is absent, and gives it up if it was absent for long.
func (v *view) giveUp(id foci.NodeID, absent bool, now time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	expired := v.absent.Observe(id, absent, now)
	if expired {
		v.routes.GiveUp(id)
	}
	return expired
}

// remember passes the known peers to Config.Remember if they have changed.
func (m *Members) remember() {
	if m.cfg.Remember == nil {
		return
	}
	all := m.view.unsavedRemotes()
	rand.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	if all = all[:min(len(all), MaxRemembered)]; len(all) > 0 {
		m.cfg.Remember(all)
	}
}

// unsavedRemotes are the places of all nodes when these have changed since they
// were taken last.
func (v *view) unsavedRemotes() []route.Remote {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.unsaved {
		return nil
	}
	v.unsaved = false
	return v.routes.Remotes(v.tables)
}
