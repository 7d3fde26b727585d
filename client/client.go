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

// Config says how to reach a cluster. Only Remotes is required; each other zero
// field selects the default that its comment names.
type Config struct {
	// Remotes are the nodes to contact first, host:port:family; at least one.
	Remotes []string
	// Tables are the route tables to use. None: the table of the first node's address.
	Tables []foci.Table
	// Cluster is the expected name of the cluster; another cluster's nodes are
	// refused. Empty: the cluster of the first node.
	Cluster string
	// Stay restricts the client to the nodes of Remotes, which relay requests for
	// all others. False: the client dials every node.
	Stay bool
	// Credential is a file made by foci init or foci credential: a client key or a
	// bundle of certificates. Empty: the client is unauthenticated, which nodes may
	// accept on loopback.
	Credential string
	// Stall is the time without an answer after which a request is resent; at
	// least 1 ms. Zero: 2 s. A session may override Stall, Resends and Timeout.
	Stall time.Duration
	// Resends is how often one stalled request is resent. Zero: 5; Off: never.
	Resends int
	// Timeout limits one operation. Zero: 30 s; Off: only the context limits it.
	Timeout time.Duration
	// Pending is the maximum of pending operations; more are refused with Busy
	// (backpressure). Zero: 65,536.
	Pending int
	// MaxHeld is the maximum of bytes of content that pending operations hold in
	// memory; more are refused with Busy. Zero: 256 MiB.
	MaxHeld int64
	// Logger receives messages for operators. Nil: nothing is logged.
	Logger *slog.Logger
}

const defaultTimeout = 30 * time.Second

// Client is this process in a cluster: a transport client, made by [Dial], or a
// node client, made by [Join]. It is safe for concurrent use.
type Client struct {
	peer     *peer.Peer
	layout   layout.Holder
	defaults SessionOptions // of its sessions; none is zero

	callbacks callbacks
	readers   callbacks     // of GetAsync: they begin to read what the votes did not bring
	uploads   chan struct{} // of PutAsync: a token for each that reads large content
}

// Dial connects to a cluster as a transport client and learns its layout. It fails
// with Unreachable when no node can be reached, and with Denied when the cluster has
// another name.
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
// can run operations.
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

// credential reads the file of credentials; nil when cfg names none.
func credential(cfg Config) (*auth.Credentials, error) {
	if cfg.Credential == "" {
		return nil, nil
	}
	return auth.LoadCredential(files.OS(), cfg.Credential, cfg.Logger)
}

// defaults are the settings of a session with zero options.
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

// Close ends pending operations, with Closed or OutcomeUnknown, and closes all
// connections. When it returns all futures have ended; callbacks may still run. A
// callback may call Close, and it may be called twice.
func (c *Client) Close() error { return c.peer.Close() }
