package mesh

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// Config is what a mesh is made of. A process that only dials needs Role; one that
// listens needs Node and Handler too.
type Config struct {
	Cluster     string      // "" = that of the first peer
	Node        foci.NodeID // zero for transport clients
	Incarnation foci.Incarnation
	Role        foci.Role
	Protocols   wire.Protocols // that we speak; zero = all that this code knows

	// Auth is how this process authenticates itself and its peers; nil: not at
	// all. Then it listens on loopback addresses only, unless Insecure: any peer
	// that reaches the address may read and write everything.
	Auth     *auth.Credentials
	Insecure bool

	Listen   []Listener
	Channels [foci.NumClasses]int // per link; 0 = DefaultChannels
	Window   uint32               // initial credit of a stream that we receive, in bytes; 0 = frame.DefWindow
	Limits   Limits
	Timing   Timing

	Handler Handler
	// OnPeer is called when the state of a peer changes, one call at a time, in the
	// order of the changes of that link. It must be quick: of many changes it misses
	// those between.
	OnPeer func(PeerEvent)
	Logger *slog.Logger // nil = silent
	// Now is the wall clock, in nanoseconds since 1970; nil = the system's.
	Now func() int64

	// Links says what the loss of one channel means for its siblings.
	Links LinkMode
	// Eager opens all channels of every link to a member at once, and keeps
	// them open; otherwise those for pings and state, and the others when they
	// are first used.
	Eager   bool
	Classes [foci.NumClasses]ClassConfig

	// Dial opens a connection; nil = TCP with keepalive.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Listener is one address to bind and the route table of the peers that dial it.
// What is advertised to others is not part of the mesh.
type Listener struct {
	Addr  string // host:port
	Table foci.Table
}

// PeerState is the state of a peer: Up while a channel to it is open; Suspect from
// the loss of the last one, while it is dialled again, for at most a second; Down
// when that failed. What is sent to a suspect waits for the outcome: a caller that
// has another path takes that.
type PeerState = link.State

// PeerEvent is a change of the state of a peer.
type PeerEvent struct {
	Peer  Identity
	State PeerState
	Up    bool  // State is Up
	Err   error // when it is not: why
}

// DefaultChannels is how many channels of each class a link has.
var DefaultChannels = [foci.NumClasses]int{foci.Ping: 1, foci.State: 1, foci.Reg: 6, foci.Bulk: 3, foci.Recovery: 2}

const maxChannels = 64 // of one class

// Limits bound what is under way. A zero takes the default.
type Limits struct {
	ChannelRequests int   // in flight on one channel, each way; default 4096, at most frame.MaxStreams
	ChannelBytes    int64 // of requests that are in memory, and of replies being sent, on one channel; default 64 MiB
	QueueBytes      int64 // small messages waiting to be written on one channel; default 1 MiB
	LinkRequests    int64 // in flight to one peer; default 16384
	LinkBytes       int64 // default 128 MiB
	Requests        int64 // in flight in this process, each way; default 65536
	Bytes           int64 // of these that are in memory; default 512 MiB
	ReplyBytes      int64 // of replies that are in memory; default 256 MiB
	Relays          int64 // requests that are relayed for others at a time; default 4096
	RelayBytes      int64 // that may wait here of these; default 128 MiB
	Conns           int   // accepted connections; default 16384, of which one principal has an eighth and members a quarter
	Unauthenticated int   // accepted connections that are not authenticated yet; default 1024, the oldest is closed
	Dials           int   // handshakes of the dialling side at a time; default 64
}

// Timing is every time of the mesh. A zero takes the default.
type Timing struct {
	Handshake  time.Duration // from connect to welcome; default 5 s
	PingEvery  time.Duration // default 1 s
	PingMisses int           // this many times PingEvery without a byte, and the channel, or the whole link, is closed; default 3
	BackoffMin time.Duration // default 100 ms
	BackoffMax time.Duration // default 10 s
	Write      time.Duration // a peer that takes nothing for so long loses the channel; default 30 s
	Progress   time.Duration // a request of which nothing arrives for so long, though it may, is ended; default 30 s
	Judge      time.Duration // between two judgements of the certificates of open channels; default 2 s
	Grace      time.Duration // that Close waits for requests being served; default 1 s
}

func or[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func or0[T comparable](v, def T) T {
	or(&v, def)
	return v
}

// withDefaults fills in what is zero and refuses what makes no sense.
func (c Config) withDefaults() (Config, error) {
	for i := range c.Channels {
		or(&c.Channels[i], DefaultChannels[i])
		if c.Channels[i] < 0 || c.Channels[i] > maxChannels {
			return c, foci.Errorf(foci.Invalid, "%d channels of class %v: want 1 to %d", c.Channels[i], foci.Class(i), maxChannels)
		}
	}
	for i := range c.Classes {
		if err := c.Classes[i].check(foci.Class(i)); err != nil {
			return c, err
		}
		or(&c.Classes[i].QueueBytes, or0(c.Limits.LinkBytes, 128<<20))
	}
	or(&c.Window, frame.DefWindow)
	or(&c.Protocols, wire.Spoken())
	l, t := &c.Limits, &c.Timing
	or(&l.ChannelRequests, 4096)
	or(&l.ChannelBytes, 64<<20)
	or(&l.QueueBytes, 1<<20)
	or(&l.LinkRequests, 16384)
	or(&l.LinkBytes, 128<<20)
	or(&l.Requests, 65536)
	or(&l.Bytes, 512<<20)
	or(&l.ReplyBytes, 256<<20)
	or(&l.Relays, 4096)
	or(&l.RelayBytes, 128<<20)
	or(&l.Conns, 16384)
	or(&l.Unauthenticated, 1024)
	or(&l.Dials, 64)
	or(&t.Handshake, 5*time.Second)
	or(&t.PingEvery, time.Second)
	or(&t.PingMisses, 3)
	or(&t.BackoffMin, 100*time.Millisecond)
	or(&t.BackoffMax, 10*time.Second)
	or(&t.Write, 30*time.Second)
	or(&t.Progress, 30*time.Second)
	or(&t.Grace, time.Second)
	or(&t.Judge, 2*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = func() int64 { return time.Now().UnixNano() }
	}
	switch {
	case c.Window < frame.MinWindow || c.Window > frame.MaxWindow:
		return c, foci.Errorf(foci.Invalid, "window of %d bytes: want %d to %d", c.Window, frame.MinWindow, frame.MaxWindow)
	case l.ChannelRequests < 0 || l.ChannelRequests > frame.MaxStreams:
		return c, foci.Errorf(foci.Invalid, "%d requests on a channel: want 1 to %d", l.ChannelRequests, frame.MaxStreams)
	case len(c.Cluster) > wire.MaxCluster:
		return c, foci.Errorf(foci.Invalid, "cluster name of %d bytes: want at most %d", len(c.Cluster), wire.MaxCluster)
	case c.Role >= foci.NumRoles:
		return c, foci.Errorf(foci.Invalid, "role %d is unknown", c.Role)
	case !route.Believable(c.Incarnation, c.Now()):
		return c, foci.Errorf(foci.Invalid, "incarnation %d is more than %v ahead of the clock: no peer would accept it", c.Incarnation, route.MaxAhead)
	case len(c.Listen) > 0 && (c.Handler == nil || c.Node.IsZero()):
		return c, foci.Errorf(foci.Invalid, "a mesh that listens needs a node id and a handler")
	}
	return c, c.checkAuth()
}

// checkAuth binds the credentials to this process, and fails when they are those of
// another one. The certificate names the cluster when the configuration does not.
func (c *Config) checkAuth() error {
	var err error
	if c.Auth, err = c.Auth.For(c.Cluster, c.Node, c.Role); err != nil {
		return err
	}
	if err := c.Auth.Fit(c.Role); err != nil {
		return err
	}
	certs := c.Auth.Certificates()
	if certs == nil {
		return nil
	}
	if named := certs.Name().Cluster; named != auth.AnyCluster {
		or(&c.Cluster, named)
	}
	if err := certs.Name().Admit(c.Cluster, c.Node, c.Role); err != nil {
		return foci.Errorf(foci.Denied, "the certificate of this process: %w", err)
	}
	return nil
}
