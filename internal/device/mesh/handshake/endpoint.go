package handshake

import (
	"net"
	"runtime"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Config is what a process states in its handshakes, and what it requires.
type Config struct {
	Cluster     string // "" = that of the first peer
	Node        foci.NodeID
	Incarnation foci.Incarnation
	Role        foci.Role
	Protocols   wire.Protocols
	Auth        *auth.Credentials // nil: nothing is proved
	Window      uint32            // initial credit of a stream that it receives
	Streams     uint32            // requests in flight on a channel that it accepts

	Unauthenticated int // connections accepted and not authenticated yet
	Now             func() int64
	// Holds reports whether a channel of an incarnation of a node is open.
	Holds func(foci.NodeID, foci.Incarnation) bool
}

// Endpoint is this process's part of all its handshakes.
type Endpoint struct {
	cfg     Config
	waiting connSet       // connections that are not authenticated yet
	shaking connSet       // those of them that are in the middle of a TLS handshake
	turns   chan struct{} // a token for each accepted TLS handshake that is computing
	selves  selves
	newest  newest

	mu      sync.Mutex
	cluster string // guarded by mu
}

// New returns the endpoint of a process.
func New(cfg Config) *Endpoint {
	e := &Endpoint{cfg: cfg, cluster: cfg.Cluster, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
	e.waiting.most = cfg.Unauthenticated
	e.shaking.most = max(1, cfg.Unauthenticated/shaking)
	return e
}

// Opened is a channel after its handshake.
type Opened struct {
	Conn        net.Conn // with TLS if configured
	Peer        Identity
	Certificate *auth.Shown // of the peer; nil without TLS
	Class       foci.Class
	Index       int           // of the channel in its class
	Window      uint32        // initial credit of a stream that the peer receives
	Streams     uint32        // requests that may be in flight
	Packing     frame.Packing // that the peer can read
}

// Cluster is the cluster's name: the configured one, or that of the first peer
// that welcomed this process; "" until then.
func (e *Endpoint) Cluster() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cluster
}

// join checks the cluster of a peer, or adopts it when this process has none.
func (e *Endpoint) join(cluster string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cluster != "" && cluster != "" && e.cluster != cluster {
		return foci.Errorf(foci.Denied, "it belongs to cluster %q, this process expects %q", cluster, e.cluster)
	}
	if e.cluster == "" {
		e.cluster = cluster
	}
	return nil
}

// Enter adds an unauthenticated connection; above the limit it closes the oldest. The
// caller calls leave when the handshake has ended.
func (e *Endpoint) Enter(conn net.Conn) (leave func()) { return e.waiting.enter(conn) }

// Unauthenticated returns the number of unauthenticated connections.
func (e *Endpoint) Unauthenticated() int { return e.waiting.count() }

// Close closes the unauthenticated connections, and those that enter later.
func (e *Endpoint) Close() { e.waiting.close() }

// Doubt marks all proved incarnations as unproved, for when an authority is no longer
// trusted: a node proves its incarnation again by its next hello.
func (e *Endpoint) Doubt() { e.newest.doubt(e.cfg.Now()) }
