package mesh

import (
	"bytes"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// judge closes the channels, in both directions, whose peers' certificates are no
// longer valid: denied, expired, or of an authority that is no longer trusted. Their
// requests move to other channels as from any lost channel.
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
			m.handshakes.Doubt()
		}
		for _, ch := range m.accepted() {
			m.judgeOne(&ch.Opened, ch.Close)
		}
		for _, l := range m.Peers() {
			for _, ch := range l.channelList() {
				m.judgeOne(&ch.Opened, ch.Close)
			}
		}
	}
}

// judgeOne closes a channel whose certificate is no longer valid.
func (m *Mesh) judgeOne(o *handshake.Opened, end func(error)) {
	if o.Certificate == nil {
		return
	}
	if err := m.cfg.Auth.Certificates().Judge(o.Certificate); err != nil && !mutant.On(mutant.DeniedStays) {
		m.log.Info("a channel is closed because its certificate is no longer good", "peer", o.Peer.Principal, "addr", o.Peer.Addr, "err", err)
		end(foci.Errorf(foci.Denied, "the peer's certificate is no longer good: %w", err))
	}
}
