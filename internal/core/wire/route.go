package wire

import (
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// MaxRoutes is the most entries in one message about routes.
const MaxRoutes = foci.MaxNodes

// MaxRouteBytes is the most bytes of entries in one message; the next comparison
// (anti-entropy) finds what does not fit.
const MaxRouteBytes = 1 << 20

const (
	maxAddrText   = 300
	leastRoute    = 16 + 8 + 8 + 1 + 4
	routeVersions = 16 + 8 + 8
)

// Route is one node's entry in the table of members. An entry of a newer
// (incarnation, counter) replaces an older one, whatever its fields are.
type Route struct {
	Node        foci.NodeID
	Incarnation foci.Incarnation
	Counter     uint64
	Role        foci.Role
	Addrs       []string // host:port:family-table; none = the node has left

	// Proof travels in a list of its own, after all routes of a message.
	Proof RouteProof
}

// RouteProof proves that the node itself wrote a route: its certificate, and its
// signature of [Route.Signed]. It is empty where nodes have no certificates.
type RouteProof struct {
	Cert []byte // DER
	Sig  []byte
}

// The longest parts of a proof, in bytes.
const (
	MaxProofCert = 2048
	MaxProofSig  = 96
)

// IsZero reports whether there is no proof.
func (p *RouteProof) IsZero() bool { return len(p.Cert) == 0 && len(p.Sig) == 0 }

// signedRoute is the label before a signed route: a signature of anything else
// does not verify as one of a route.
const signedRoute = "foci route 1\x00"

// Signed is the input of the signature: a label, then the encoded route.
func (r *Route) Signed() []byte { return r.append([]byte(signedRoute)) }

// Newer reports whether r replaces o.
func (r *Route) Newer(o *Route) bool {
	a, b := r.Version(), o.Version()
	return a.Newer(b)
}

// Version identifies the entry among those of its node.
func (r *Route) Version() RouteVersion {
	return RouteVersion{Node: r.Node, Incarnation: r.Incarnation, Counter: r.Counter}
}

func (r *Route) append(b []byte) []byte {
	b = append(b, r.Node[:]...)
	b = codec.AppendU64(codec.AppendU64(b, uint64(r.Incarnation)), r.Counter)
	b = codec.AppendU32(append(b, byte(r.Role)), uint32(len(r.Addrs)))
	for _, a := range r.Addrs {
		b = codec.AppendString(b, a)
	}
	return b
}

func (r *Route) decode(rd *codec.Reader) {
	rd.Fixed(r.Node[:])
	r.Incarnation = foci.Incarnation(rd.U64())
	r.Counter = rd.U64()
	r.Role = foci.Role(rd.U8())
	if r.Role >= foci.NumRoles {
		rd.Fail()
	}
	n := rd.Count(foci.MaxAddrs, 4)
	r.Addrs = make([]string, n)
	for i := range r.Addrs {
		r.Addrs[i] = rd.String(maxAddrText)
	}
}

// size is how many bytes append adds.
func (r *Route) size() int {
	n := leastRoute
	for _, a := range r.Addrs {
		n += 4 + len(a)
	}
	return n
}

// FitRoutes cuts entries to as many as one message may carry.
func FitRoutes(all []Route) []Route {
	room := MaxRouteBytes
	for i := range all {
		if room -= all[i].size() + all[i].Proof.size(); room < 0 || i == MaxRoutes {
			return all[:i]
		}
	}
	return all
}

func appendRoutes(b []byte, all []Route) []byte {
	b = codec.AppendU32(b, uint32(len(all)))
	for i := range all {
		b = all[i].append(b)
	}
	return b
}

func decodeRoutes(rd *codec.Reader) []Route {
	all := make([]Route, rd.Count(MaxRoutes, leastRoute))
	for i := range all {
		all[i].decode(rd)
	}
	return all
}

func (p *RouteProof) size() int { return 4 + len(p.Cert) + 4 + len(p.Sig) }

// appendProofs adds the proofs of routes, by index; none when no route has one.
func appendProofs(b []byte, all []Route) []byte {
	if !slices.ContainsFunc(all, func(r Route) bool { return !r.Proof.IsZero() }) {
		return codec.AppendU32(b, 0)
	}
	b = codec.AppendU32(b, uint32(len(all)))
	for i := range all {
		b = codec.AppendBytes(codec.AppendBytes(b, all[i].Proof.Cert), all[i].Proof.Sig)
	}
	return b
}

// decodeProofs reads the proofs of routes that were decoded. A message of
// protocol 1 ends before them. They alias the message.
func decodeProofs(rd *codec.Reader, all []Route) {
	if !rd.More() {
		return
	}
	for i := range rd.Count(len(all), 8) {
		all[i].Proof.Cert = rd.Bytes(MaxProofCert)
		all[i].Proof.Sig = rd.Bytes(MaxProofSig)
	}
}

func appendNodes(b []byte, all []foci.NodeID) []byte {
	b = codec.AppendU32(b, uint32(len(all)))
	for i := range all {
		b = append(b, all[i][:]...)
	}
	return b
}

func decodeNodes(rd *codec.Reader) []foci.NodeID {
	all := make([]foci.NodeID, rd.Count(MaxRoutes, 16))
	for i := range all {
		rd.Fixed(all[i][:])
	}
	return all
}

// RouteVersion identifies an entry without its content.
type RouteVersion struct {
	Node        foci.NodeID
	Incarnation foci.Incarnation
	Counter     uint64
}

// Newer reports whether v is of a newer entry than o.
func (v RouteVersion) Newer(o RouteVersion) bool {
	if v.Incarnation != o.Incarnation {
		return v.Incarnation > o.Incarnation
	}
	return v.Counter > o.Counter
}

func (v RouteVersion) append(b []byte) []byte {
	b = append(b, v.Node[:]...)
	return codec.AppendU64(codec.AppendU64(b, uint64(v.Incarnation)), v.Counter)
}

// Sum is the entry's summand in the digest of a table.
func (v RouteVersion) Sum() uint64 {
	var b [routeVersions]byte
	return xxh3.Hash(v.append(b[:0]))
}
