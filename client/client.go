// Package client is the Go client of Foci.
//
//	c, err := client.Dial(ctx, client.Config{Remotes: []string{"127.0.0.1:1025:2"}})
//	s := c.Session(client.SessionOptions{})
//	_, err = s.Put(ctx, foci.Name{Bucket: "photos", Key: "2026/cat.jpg"}, file, size, nil)
//
// Every call ends once: with success, with an error that says that it certainly
// did not happen, or with one of kind [foci.OutcomeUnknown], which is no
// failure: it may have happened. [foci.KindOf] tells them apart.
package client

import (
	"context"
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// Config says how to reach a cluster.
type Config struct {
	Remotes []string     // nodes to contact first, host:port:family; at least one
	Tables  []foci.Table // route tables to use; none = the one by which the first node welcomes us
	Cluster string       // its name; "" = whichever the first node is of
	// Credential is a file with what this client proves itself with: the client
	// key or the bundle of certificates that foci init or foci credential made.
	// "" = none, which nodes on loopback may be content with.
	Credential string
	Stall      time.Duration // without an answer for so long a request is sent again; 0 = 2 s
	Resends    int           // how often; 0 = 5, < 0 = never
	Timeout    time.Duration // of a session's operations; 0 = 30 s
	Logger     *slog.Logger  // nil = silent
}

const defaultTimeout = 30 * time.Second

// Client is a transport client: it dials nodes, and none of them dials back.
// It is safe for concurrent use.
type Client struct {
	peer    *peer.Peer
	layout  layout.Holder
	timeout time.Duration
}

// Dial connects to a cluster and learns its layout. It fails with Away when no
// node can be reached, and with Denied at a cluster of another name.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if len(cfg.Remotes) == 0 {
		return nil, foci.Errorf(foci.Invalid, "no remote: name a node as host:port:family, like 127.0.0.1:1025:2")
	}
	c := &Client{timeout: cfg.Timeout}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	proof, err := credential(cfg)
	if err != nil {
		return nil, err
	}
	pc := peer.Config{
		Mesh:   mesh.Config{Cluster: cfg.Cluster, Role: foci.RoleTransport, Auth: proof},
		Tables: cfg.Tables, Layout: &c.layout, Stall: cfg.Stall, Resends: cfg.Resends, Logger: cfg.Logger,
	}
	for _, r := range cfg.Remotes {
		seed, err := route.ParseRemote(r)
		if err != nil {
			return nil, err
		}
		pc.Seeds = append(pc.Seeds, seed)
	}
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
	return auth.LoadCredential(vfs.OS(), cfg.Credential, cfg.Logger)
}

// Close ends what is under way, with Closed or OutcomeUnknown, and hangs up. It
// may be called twice.
func (c *Client) Close() error { return c.peer.Close() }
