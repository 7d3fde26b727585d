package node

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/beacon"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/peer"
)

// peersFile holds addresses of members that the node knew last, one per line, as
// seeds for the next start. Without it the start only takes longer.
const (
	peersFile = "peers"
	maxPeers  = 64 << 10 // bytes
)

// remembered reads the peers of the last run. It skips what it cannot read: a
// damaged file must not keep the node from starting.
func (n *Node) remembered() []route.Remote {
	path := filepath.Join(n.cfg.Dir, peersFile)
	text, err := vfs.ReadFile(n.cfg.FS, path, maxPeers)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			n.log.Warn("the peers of the last run cannot be read", "path", path, "err", err)
		}
		return nil
	}
	return parsePeers(text)
}

// parsePeers reads what remember wrote.
func parsePeers(text []byte) []route.Remote {
	var out []route.Remote
	for line := range bytes.Lines(text) {
		r, err := route.ParseRemote(strings.TrimSpace(string(line)))
		if err == nil && r.Service == "" && len(out) < peer.MaxRemembered {
			out = append(out, r)
		}
	}
	return out
}

// remember writes peers to the disk for the next start.
func (n *Node) remember(peers []route.Remote) {
	var text []byte
	for _, r := range peers {
		text = append(append(text, r.String()...), '\n')
	}
	path := filepath.Join(n.cfg.Dir, peersFile)
	if err := vfs.WriteFile(n.cfg.FS, path, text); err != nil {
		n.log.Warn("the known peers cannot be remembered", "path", path, "err", err)
	}
}

// announce starts the node's beacon, when multicast is configured.
func (n *Node) announce(p *peer.Peer) error {
	if !n.cfg.Multicast.IsValid() {
		return nil
	}
	keys := n.cfg.Auth.Keys()
	if keys == nil {
		return foci.Errorf(foci.Invalid, "multicast needs a cluster key to authenticate packets: foci init makes one; name it by key or --key")
	}
	b, err := beacon.New(beacon.Config{
		Group: n.cfg.Multicast, Keys: func() [][32]byte { return keys.Derive(beacon.KeyLabel, time.Now()) }, Cluster: n.cfg.Cluster, Node: n.id.Node,
		Self: p.Self, Alone: p.Alone, Logger: n.log,
		Heard: p.Hint,
	})
	n.beacon = b
	return err
}

// Beacons counts the multicast packets received by outcome; false without
// multicast.
func (n *Node) Beacons() (beacon.Counters, bool) {
	if n.beacon == nil {
		return beacon.Counters{}, false
	}
	return n.beacon.Counters(), true
}

// Members are the members of the mesh that this node knows, itself included, each
// with the node that told of it.
func (n *Node) Members() []peer.KnownRoute { return n.peer.Load().Known() }

// RouteCounters count this node's messages about routes.
func (n *Node) RouteCounters() peer.RouteCounters { return n.peer.Load().RouteCounters() }

// Watchers is the number of transport clients that watch this node.
func (n *Node) Watchers() int { return n.peer.Load().Watchers() }
