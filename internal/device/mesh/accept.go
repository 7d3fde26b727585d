package mesh

import (
	"net"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// accept runs the listening side of a handshake and serves the channel. leave removes
// the connection from the unauthenticated ones.
func (m *Mesh) accept(conn net.Conn, table foci.Table, leave func()) {
	_ = conn.SetDeadline(time.Now().Add(m.cfg.Timing.Handshake))
	ch, err := m.admit(conn, table)
	leave()
	if err != nil {
		m.refused(conn.RemoteAddr(), err)
		_ = conn.Close() // nothing was served on it
		return
	}
	ch.Run()
}

// admit authenticates a peer and opens a channel for it, within its share of
// connections.
func (m *Mesh) admit(conn net.Conn, table foci.Table) (*stream.Server, error) {
	a, err := m.handshakes.Accept(conn, table)
	if err != nil {
		return nil, err
	}
	if err := frame.Mark(a.Conn, m.cfg.Classes[a.Class].DSCP); err != nil {
		return nil, a.Refuse(foci.Errorf(foci.Internal, "dscp cannot be set: %w", err))
	}
	if id := a.Peer.Node; !id.IsZero() {
		m.closeOlder(id, a.Peer.Incarnation)
	}
	a.Packing &= m.cfg.Classes[a.Class].Compress.packing()
	ch, err := stream.NewServer(&m.streams, &a.Opened)
	if err != nil {
		return nil, a.Refuse(err)
	}
	if err = m.remember(ch); err != nil {
		_ = a.Refuse(err)
	} else {
		err = a.Welcome()
	}
	if err != nil {
		ch.Close(err)
		return nil, err
	}
	_ = a.Conn.SetDeadline(time.Time{}) // fails only when closed, as the next read will
	return ch, nil
}

// refused counts a refused connection and logs at most one a second.
func (m *Mesh) refused(from net.Addr, err error) {
	n := m.refusals.Add(1)
	now := time.Since(m.began).Milliseconds()
	last := m.refusalTold.Load()
	if now-last < 1000 && n > 1 || !m.refusalTold.CompareAndSwap(last, now) {
		m.log.Debug("connection refused", "from", from, "err", err)
		return
	}
	m.log.Info("connection refused", "from", from, "err", err, "so far", n)
}

// closeOlder closes the accepted channels of earlier incarnations of a node.
func (m *Mesh) closeOlder(node foci.NodeID, now foci.Incarnation) {
	var old []*stream.Server
	m.mu.Lock()
	for ch := range m.inbound {
		if ch.Peer.Node == node && ch.Peer.Incarnation < now {
			old = append(old, ch)
		}
	}
	m.mu.Unlock()
	for _, ch := range old {
		ch.Close(foci.Errorf(foci.Unreachable, "the peer was restarted"))
	}
}

// holds reports whether a channel of an incarnation of a node is open, in either
// direction.
func (m *Mesh) holds(node foci.NodeID, inc foci.Incarnation) bool {
	m.mu.Lock()
	l := m.links[node]
	for ch := range m.inbound {
		if ch.Peer.Node == node && ch.Peer.Incarnation == inc {
			m.mu.Unlock()
			return true
		}
	}
	m.mu.Unlock()
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ch := range l.channels {
		if ch.Peer.Incarnation == inc {
			return true
		}
	}
	return false
}
