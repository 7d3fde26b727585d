package auth

import (
	"crypto/x509"
	"net/url"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
)

// Name is the identity in a certificate: a node or a client of a cluster. It is
// the certificate's one URI of scheme foci:
//
//	foci:CLUSTER/node/UUID
//	foci:CLUSTER/client/NAME
//
// CLUSTER is [AnyCluster] in certificates that were signed with a cluster key by
// a process that did not know the cluster's name: the key is the cluster's.
// Rights are those of a second URI of scheme foci-rights, in the text form of
// package rights; without that URI a client may read and write, and a node may
// do everything.
type Name struct {
	Cluster string
	Node    foci.NodeID // zero: a client
	Client  string
	Rights  rights.Rights
}

const (
	nameScheme   = "foci"
	rightsScheme = "foci-rights"
)

// AnyCluster stands for each cluster that believes the certificate's authority.
const AnyCluster = "*"

// IsZero reports whether it names nothing: no certificate was shown.
func (n Name) IsZero() bool { return n.Cluster == "" && n.Node.IsZero() && n.Client == "" }

// Principal is the identity without its cluster.
func (n Name) Principal() rights.Principal {
	switch {
	case n.IsZero():
		return ""
	case n.Node.IsZero():
		return rights.Client(n.Client)
	}
	return rights.Node(n.Node)
}

// Equal reports whether two names are the same identity with the same rights.
func (n Name) Equal(o Name) bool {
	return n.Cluster == o.Cluster && n.Node == o.Node && n.Client == o.Client && n.Rights.String() == o.Rights.String()
}

// String is the URI of the identity.
func (n Name) String() string { return nameScheme + ":" + n.Cluster + "/" + string(n.Principal()) }

// uris are the alternative names of a certificate for n.
func (n Name) uris() ([]*url.URL, error) {
	texts := []string{n.String()}
	if n.Node.IsZero() {
		texts = append(texts, rightsScheme+":"+n.Rights.String())
	}
	var out []*url.URL
	for _, t := range texts {
		u, err := url.Parse(t)
		if err != nil {
			return nil, foci.Errorf(foci.Internal, "the name of a certificate: %w", err)
		}
		out = append(out, u)
	}
	return out, nil
}

// ParseName reads the URI of an identity, which gets the rights that it has
// without a URI of its own for them. It fails with Denied.
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
	if n.Cluster != AnyCluster && (n.Cluster == "" || len(n.Cluster) > wire.MaxCluster || CheckName(n.Cluster) != nil) {
		return refuse("has no good cluster")
	}
	switch parts[1] {
	case "node":
		if err := n.Node.UnmarshalText([]byte(parts[2])); err != nil || n.Node.IsZero() {
			return refuse("has no good node id")
		}
		n.Rights = rights.Full()
	case "client":
		if n.Client = parts[2]; CheckName(n.Client) != nil {
			return refuse("has no good name of a client")
		}
		n.Rights = rights.Data()
	default:
		return refuse("names neither node nor client")
	}
	return n, nil
}

// nameOf is the name in a certificate, with its rights.
func nameOf(c *x509.Certificate) (Name, error) {
	names, allowed := uriTexts(c, nameScheme), uriTexts(c, rightsScheme)
	if len(names) != 1 || len(allowed) > 1 {
		return Name{}, foci.Errorf(foci.Denied, "the certificate has %d names of the form foci:CLUSTER/node/UUID or foci:CLUSTER/client/NAME and %d of the form foci-rights:RIGHTS, want one and at most one", len(names), len(allowed))
	}
	n, err := ParseName(names[0])
	if err != nil || len(allowed) == 0 || !n.Node.IsZero() {
		return n, err
	}
	n.Rights, err = rights.Parse(strings.TrimPrefix(allowed[0], rightsScheme+":"))
	if err != nil {
		return Name{}, foci.Errorf(foci.Denied, "the certificate of client %s: %w", n.Client, err)
	}
	return n, nil
}

// uriTexts are a certificate's URIs of one scheme.
func uriTexts(c *x509.Certificate, scheme string) (out []string) {
	for _, u := range c.URIs {
		if u.Scheme == scheme {
			out = append(out, u.String())
		}
	}
	return out
}

// Admit compares the identity in a peer's certificate with the cluster, the node
// and the role that the peer's hello or welcome gives. It fails with Denied.
func (n Name) Admit(cluster string, node foci.NodeID, role foci.Role) error {
	switch {
	case cluster != "" && n.Cluster != AnyCluster && n.Cluster != cluster:
		return foci.Errorf(foci.Denied, "the certificate is of cluster %q, not of %q", n.Cluster, cluster)
	case role == foci.RoleTransport: // a member may do what a client may
		return nil
	case n.Node.IsZero() && !mutant.On(mutant.ClientAsMember):
		return notForMembers("client " + n.Client)
	case n.Node != node && !n.Node.IsZero():
		return foci.Errorf(foci.Denied, "the certificate is of node %v, not of node %v", n.Node, node)
	}
	return nil
}
