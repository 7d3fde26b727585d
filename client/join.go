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

// Member says how a process joins a cluster as a node client. Its credential is
// a member's, not the one of Config.
type Member struct {
	Config
	// Addresses are what the others dial, host:port:family-table; at least one.
	Addresses []Address
	Key       string // file with the cluster key; "" = none
	// Cert, CertKey and CA are files of a member's certificate, its key, and whose
	// certificates are believed; all or none.
	Cert, CertKey, CA string
	Insecure          bool // listen beyond loopback with neither key nor certificates
}

// Address is one address of a member.
type Address struct {
	Addr   string // host:port:family-table
	Listen string // IP:port to bind in its place; "" = Addr itself
}

// Join makes this process a node client: a member of the mesh that stores
// nothing. It is in every node's table, the nodes dial it back, and it is told
// of changes as they are. Close tells them that it left. Many short visits are
// better made by Dial, which costs the nodes nothing.
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

// identify loads what the member proves itself with. A certificate says which
// node it is; else that is drawn anew each time.
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
