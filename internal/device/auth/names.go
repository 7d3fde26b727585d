package auth

import (
	"crypto/x509"
	"net/url"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// Name is whom a certificate names: a node or a client of a cluster. It is the
// certificate's one URI of scheme foci:
//
//	foci:CLUSTER/node/UUID
//	foci:CLUSTER/client/NAME
type Name struct {
	Cluster string
	Node    foci.NodeID // zero: a client
	Client  string
}

const nameScheme = "foci"

// String is the URI.
func (n Name) String() string {
	if n.Node.IsZero() {
		return nameScheme + ":" + n.Cluster + "/client/" + n.Client
	}
	return nameScheme + ":" + n.Cluster + "/node/" + n.Node.String()
}

// ParseName reads the URI; it fails with Denied.
func ParseName(s string) (Name, error) {
	refuse := func(why string) (Name, error) {
		return Name{}, foci.Errorf(foci.Denied, "the certificate's name %q %s: want foci:CLUSTER/node/UUID or foci:CLUSTER/client/NAME", foci.Clip(s), why)
	}
	rest, is := strings.CutPrefix(s, nameScheme+":")
	parts := strings.Split(rest, "/")
	if !is || len(parts) != 3 {
		return refuse("has another form")
	}
	n := Name{Cluster: parts[0]}
	if n.Cluster == "" || len(n.Cluster) > wire.MaxCluster || CheckName(n.Cluster) != nil {
		return refuse("has no good cluster")
	}
	switch parts[1] {
	case "node":
		if err := n.Node.UnmarshalText([]byte(parts[2])); err != nil || n.Node.IsZero() {
			return refuse("has no good node id")
		}
	case "client":
		if n.Client = parts[2]; CheckName(n.Client) != nil {
			return refuse("has no good name of a client")
		}
	default:
		return refuse("names neither node nor client")
	}
	return n, nil
}

// nameOf is the name in a certificate.
func nameOf(c *x509.Certificate) (Name, error) {
	var found []*url.URL
	for _, u := range c.URIs {
		if u.Scheme == nameScheme {
			found = append(found, u)
		}
	}
	if len(found) != 1 {
		return Name{}, foci.Errorf(foci.Denied, "the certificate has %d names of the form foci:CLUSTER/node/UUID or foci:CLUSTER/client/NAME, want one", len(found))
	}
	return ParseName(found[0].String())
}

// Admit compares whom a certificate names with what a peer says of itself. It
// fails with Denied.
func (n Name) Admit(cluster string, node foci.NodeID, role foci.Role) error {
	switch {
	case cluster != "" && n.Cluster != cluster:
		return foci.Errorf(foci.Denied, "the certificate is of cluster %q, not of %q", n.Cluster, cluster)
	case role == foci.RoleTransport: // a member may do what a client may
		return nil
	case n.Node.IsZero():
		return notForMembers("client " + n.Client)
	case n.Node != node:
		return foci.Errorf(foci.Denied, "the certificate is of node %v, not of node %v", n.Node, node)
	}
	return nil
}
