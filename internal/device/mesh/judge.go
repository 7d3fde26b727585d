package mesh

import (
	"bytes"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// judge closes the channels, in both directions, whose peers' certificates are
// no longer good: denied, past their end, or of an authority that is no longer
// believed. Requests on them move on as from any lost channel.
func (m *Mesh) judge() {
	tick := time.NewTicker(m.cfg.Timing.Judge)
	defer tick.Stop()
	believed := m.cfg.Auth.Certificates().Digest()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-tick.C:
		}
		if now := m.cfg.Auth.Certificates().Digest(); !bytes.Equal(now, believed) && !mutant.On(mutant.ProvenByRemovedKey) {
			believed = now
			m.hands.Doubt()
		}
		for _, ch := range m.channelsWithCertificate() {
			if err := m.cfg.Auth.Certificates().Judge(ch.shown); err != nil && !mutant.On(mutant.DeniedStays) {
				m.log.Info("a channel is closed because its certificate is no longer good", "peer", ch.peer.Principal, "addr", ch.peer.Addr, "err", err)
				ch.close(foci.Errorf(foci.Denied, "the peer's certificate is no longer good: %w", err))
			}
		}
	}
}

// channelsWithCertificate are the open channels under TLS.
func (m *Mesh) channelsWithCertificate() (all []*channel) {
	m.mu.Lock()
	for ch := range m.inbound {
		if ch.shown != nil {
			all = append(all, ch)
		}
	}
	m.mu.Unlock()
	for _, l := range m.Peers() {
		for _, ch := range l.channelList() {
			if ch.shown != nil {
				all = append(all, ch)
			}
		}
	}
	return all
}
