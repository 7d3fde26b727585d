package wire

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// MaxSums is the most sums in the digest of a table. Their number n is a power of
// two; an entry counts in the sum whose index is the first byte of its node's id
// modulo n.
const MaxSums = 256

func appendSums(b []byte, sums []uint64) []byte {
	b = codec.AppendU32(b, uint32(len(sums)))
	for _, s := range sums {
		b = codec.AppendU64(b, s)
	}
	return b
}

func decodeSums(rd *codec.Reader) []uint64 {
	n := rd.Count(MaxSums, 8)
	if n&(n-1) != 0 {
		rd.Fail()
		return nil
	}
	sums := make([]uint64, n)
	for i := range sums {
		sums[i] = rd.U64()
	}
	return sums
}

// Routes carries entries and asks for others (gossip). The answer is one too: the
// entries asked for and, of those carried, newer ones.
type Routes struct {
	Epoch  foci.Epoch // of the sender's layout; 0 = none
	Routes []Route
	All    bool          // every entry is wanted
	Want   []foci.NodeID // the entries of these nodes are wanted
}

// Append encodes.
func (r *Routes) Append(b []byte) []byte {
	b = appendRoutes(codec.AppendU64(b, uint64(r.Epoch)), r.Routes)
	b = appendNodes(codec.AppendBool(b, r.All), r.Want)
	return appendProofs(b, r.Routes)
}

// Decode decodes.
func (r *Routes) Decode(rd *codec.Reader) {
	r.Epoch = foci.Epoch(rd.U64())
	r.Routes = decodeRoutes(rd)
	r.All = rd.Bool()
	r.Want = decodeNodes(rd)
	decodeProofs(rd, r.Routes)
}

// Digest is the digest of the sender's table, to be compared by the receiver.
type Digest struct {
	Epoch foci.Epoch
	Sums  []uint64
}

// Append encodes.
func (d *Digest) Append(b []byte) []byte {
	return appendSums(codec.AppendU64(b, uint64(d.Epoch)), d.Sums)
}

// Decode decodes.
func (d *Digest) Decode(r *codec.Reader) {
	d.Epoch = foci.Epoch(r.U64())
	d.Sums = decodeSums(r)
}

// Versions answers Digest: as many sums as the digest had, and the versions of the
// entries that count in sums that differ.
type Versions struct {
	Epoch    foci.Epoch
	Sums     []uint64
	Versions []RouteVersion
}

// Append encodes.
func (v *Versions) Append(b []byte) []byte {
	b = appendSums(codec.AppendU64(b, uint64(v.Epoch)), v.Sums)
	b = codec.AppendU32(b, uint32(len(v.Versions)))
	for _, e := range v.Versions {
		b = e.append(b)
	}
	return b
}

// Decode decodes.
func (v *Versions) Decode(r *codec.Reader) {
	v.Epoch = foci.Epoch(r.U64())
	v.Sums = decodeSums(r)
	v.Versions = make([]RouteVersion, r.Count(MaxRoutes, routeVersions))
	for i := range v.Versions {
		e := &v.Versions[i]
		r.Fixed(e.Node[:])
		e.Incarnation, e.Counter = foci.Incarnation(r.U64()), r.U64()
	}
}
