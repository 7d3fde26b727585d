package client

import (
	"context"
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// Config says how to reach a cluster. The zero value of each field but Remotes
// is a good choice.
type Config struct {
	// Remotes are the nodes to contact first, host:port:family; at least one.
	Remotes []string
	// Tables are the route tables to use. None: the one by which the first node
	// welcomes us.
	Tables []foci.Table
	// Cluster is the name of the cluster, so that a wrong address is noticed.
	// Empty: whichever the first node is of.
	Cluster string
	// Stay keeps the client to the nodes of Remotes, where others cannot be
	// reached: what these own is forwarded. False: it uses every node.
	Stay bool
	// Credential is a file with what this client proves itself with: the client
	// key or the bundle of certificates that foci init or foci credential made.
	// Empty: none, which nodes on loopback may be content with.
	Credential string
	// Stall is how long a request may be without an answer until it is sent again;
	// at least 1 ms. Zero: 2 s. A session may have its own, like the next two.
	Stall time.Duration
	// Resends is how often one stalled request is sent again. Zero: 5; Off: never.
	Resends int
	// Timeout is how long one operation may take. Zero: 30 s; Off: until its
	// context ends.
	Timeout time.Duration
	// Pending is how many operations may be pending; more are refused with Busy,
	// so that a fast caller cannot fill the memory. Zero: 65,536.
	Pending int
	// MaxHeld is how many bytes of content they may hold in memory, likewise.
	// Zero: 256 MiB.
	MaxHeld int64
	// Logger is told of what operators may want to know. Nil: nothing is logged.
	Logger *slog.Logger
}

const defaultTimeout = 30 * time.Second

// Client is a transport client, made by Dial: it dials nodes, and none of them
// dials back; or a node client, made by Join: a member that stores nothing.
// It is safe for concurrent use.
type Client struct {
	peer     *peer.Peer
	layout   layout.Holder
	defaults SessionOptions // of its sessions; none is zero

	callbacks callbacks
	readers   callbacks     // of GetAsync: they begin to read what the votes did not bring
	uploads   chan struct{} // of PutAsync: a token for each that reads large content
}

// Dial connects to a cluster and learns its layout. It fails with Unreachable when no
// node can be reached, and with Denied at a cluster of another name.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if len(cfg.Remotes) == 0 {
		return nil, foci.Errorf(foci.Invalid, "no remote: name a node as host:port:family, like 127.0.0.1:1025:2")
	}
	proof, err := credential(cfg)
	if err != nil {
		return nil, err
	}
	return connect(ctx, cfg, peer.Config{Mesh: mesh.Config{Role: foci.RoleTransport, Auth: proof}, Stay: cfg.Stay})
}

// connect completes the configuration of a process, starts it and waits until it
// can work. began is called before it waits; it may be nil.
func connect(ctx context.Context, cfg Config, pc peer.Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Client{defaults: cfg.defaults(), uploads: make(chan struct{}, maxUploads)}
	pc.Mesh.Cluster = cfg.Cluster
	pc.Tables, pc.Layout, pc.Stall, pc.Resends, pc.Logger = cfg.Tables, &c.layout, cfg.Stall, cfg.Resends, cfg.Logger
	pc.MaxOps, pc.MaxHeld = cfg.Pending, cfg.MaxHeld
	for _, r := range cfg.Remotes {
		seed, err := route.ParseRemote(r)
		if err != nil {
			return nil, err
		}
		pc.Seeds = append(pc.Seeds, seed)
	}
	var err error
	if c.peer, err = peer.New(pc); err != nil {
		return nil, err
	}
	if err := c.peer.Ready(ctx); err != nil {
		_ = c.peer.Close() // the reason is known already
		return nil, err
	}
	return c, nil
}

// credential reads what the client proves itself with; nil when it has nothing.
func credential(cfg Config) (*auth.Credentials, error) {
	if cfg.Credential == "" {
		return nil, nil
	}
	return auth.LoadCredential(files.OS(), cfg.Credential, cfg.Logger)
}

// defaults are the settings of a session that says nothing.
func (cfg *Config) defaults() SessionOptions {
	o := SessionOptions{
		Ack: foci.Quorum, Read: foci.Quorum, Ask: AskNearest,
		Timeout: defaultTimeout, Stall: txn.DefaultStall, Resends: txn.DefaultResends,
	}
	set(&o.Timeout, cfg.Timeout)
	set(&o.Stall, cfg.Stall)
	set(&o.Resends, cfg.Resends)
	return o
}

// minStall is the least time, in nanoseconds, that an answer can be waited for.
const minStall = time.Millisecond

func (c *Config) validate() error {
	switch {
	case c.Stall != 0 && c.Stall < minStall:
		return foci.Errorf(foci.Invalid, "stall %v: want at least %v, or 0 for the usual 2s", c.Stall, minStall)
	case c.Pending < 0 || c.MaxHeld < 0:
		return foci.Errorf(foci.Invalid, "pending %d, max held %d: want more than 0, or 0 for the usual", c.Pending, c.MaxHeld)
	}
	return nil
}

// Close ends what is under way, with Closed or OutcomeUnknown, and hangs up. All
// futures have ended when it returns; a callback may still be running, and may
// be who calls it. It may be called twice.
func (c *Client) Close() error { return c.peer.Close() }
