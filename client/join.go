package client

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
)

// Member says how a process joins a cluster as a node client. Its credentials are
// Key or Cert; Config.Credential must be empty, and Config.Stay false.
type Member struct {
	Config
	// Addresses are the addresses at which other members dial this one; at least one.
	Addresses []Address
	Key       string // file with the cluster key; empty: none
	// Cert, CertKey and CA are the files of a member's certificate, its private key
	// and the trusted authorities; all or none.
	Cert, CertKey, CA string
	Insecure          bool // allow listening beyond loopback without Key and Cert
}

// Address is one address of a member.
type Address struct {
	Addr   string // host:port:family-table
	Listen string // IP:port to bind; empty: that of Addr
}

// Join makes this process a node client: a member of the mesh that stores nothing.
// It is in the route table of every node, nodes dial it, and it receives gossip.
// Close announces that it leaves. Short-lived processes should use Dial, which adds
// no state to the nodes. Join fails with Invalid when cfg breaks a rule, and as Dial
// does.
func Join(ctx context.Context, cfg Member) (*Client, error) {
	pc := peer.Config{Mesh: mesh.Config{Role: foci.RoleClient, Incarnation: foci.Incarnation(time.Now().UnixMilli()), Insecure: cfg.Insecure}}
	if cfg.Stay || cfg.Credential != "" {
		return nil, foci.Errorf(foci.Invalid, "Stay and Credential are for Dial: a member uses all nodes and has a member's Key or Cert")
	}
	for _, a := range cfg.Addresses {
		b, err := route.ParseBind(a.Addr, a.Listen)
		if err != nil {
			return nil, err
		}
		pc.Addresses = append(pc.Addresses, b.Addr)
		pc.Mesh.Listen = append(pc.Mesh.Listen, mesh.Listener{Addr: b.ListenOn(), Table: b.Addr.Table})
	}
	if len(pc.Addresses) == 0 {
		return nil, foci.Errorf(foci.Invalid, "a member needs an address that the others can dial: host:port:family-table")
	}
	if err := cfg.identify(&pc.Mesh); err != nil {
		return nil, err
	}
	return connect(ctx, cfg.Config, pc)
}

// identify loads the member's credentials. Its node id is that of the certificate,
// or else random.
func (cfg *Member) identify(mc *mesh.Config) error {
	if cfg.Cert != "" || cfg.CertKey != "" || cfg.CA != "" {
		certs, err := auth.LoadCertificates(files.OS(), auth.Files{Cert: cfg.Cert, Key: cfg.CertKey, CA: cfg.CA}, cfg.Logger)
		if err != nil {
			return err
		}
		mc.Auth, mc.Node = auth.WithCertificates(certs, nil), certs.Name().Node
		return nil
	}
	if cfg.Key != "" {
		keys, err := auth.LoadKeys(files.OS(), cfg.Key, cfg.Logger)
		if err != nil {
			return err
		}
		mc.Auth = auth.WithKeys(keys)
	}
	id, err := foci.NewUUID(rand.Reader)
	mc.Node = foci.NodeID(id)
	return err
}
