package wire

import (
	"time"

	"github.com/foci-store/foci"
)

// MaxErrorText is the most text that an error carries over the wire.
const MaxErrorText = 1024

// Error is a [foci.Error] on the wire: the head of a reply with the error flag.
type Error struct {
	Kind       foci.Kind
	Epoch      foci.Epoch // of the replica, with StaleLayout
	RetryAfter time.Duration
	Text       string
}

// Append encodes.
func (e *Error) Append(b []byte) []byte {
	b = appendU64(append(b, byte(e.Kind)), uint64(e.Epoch))
	b = appendU32(b, uint32(min(e.RetryAfter/time.Millisecond, 1<<31)))
	return appendString(b, e.Text[:min(len(e.Text), MaxErrorText)])
}

// Decode decodes; a kind from the future becomes Internal.
func (e *Error) Decode(r *Reader) {
	e.Kind = foci.Kind(r.U8())
	if e.Kind >= foci.NumKinds {
		e.Kind = foci.Internal
	}
	e.Epoch = foci.Epoch(r.U64())
	e.RetryAfter = time.Duration(r.U32()) * time.Millisecond
	e.Text = r.String(MaxErrorText)
}

// MaxRoutes is the most entries in one exchange of routes.
const MaxRoutes = foci.MaxNodes

const maxAddrText = 300

// Route is what is known of one node: a newer (incarnation, counter) replaces
// an older one, whatever it says.
type Route struct {
	Node        foci.NodeID
	Incarnation foci.Incarnation
	Counter     uint64
	Role        foci.Role
	Addrs       []string // host:port:family-table
}

// Newer reports whether r replaces o.
func (r *Route) Newer(o *Route) bool {
	if r.Incarnation != o.Incarnation {
		return r.Incarnation > o.Incarnation
	}
	return r.Counter > o.Counter
}

func (r *Route) append(b []byte) []byte {
	b = append(b, r.Node[:]...)
	b = appendU64(appendU64(b, uint64(r.Incarnation)), r.Counter)
	b = appendU32(append(b, byte(r.Role)), uint32(len(r.Addrs)))
	for _, a := range r.Addrs {
		b = appendString(b, a)
	}
	return b
}

func (r *Route) decode(rd *Reader) {
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

// Routes is both question and answer of an exchange: all that the sender knows.
type Routes struct {
	Epoch  foci.Epoch // of the sender's layout; 0 = none
	Routes []Route
}

// Append encodes.
func (r *Routes) Append(b []byte) []byte {
	b = appendU32(appendU64(b, uint64(r.Epoch)), uint32(len(r.Routes)))
	for i := range r.Routes {
		b = r.Routes[i].append(b)
	}
	return b
}

// Decode decodes.
func (r *Routes) Decode(rd *Reader) {
	r.Epoch = foci.Epoch(rd.U64())
	n := rd.Count(MaxRoutes, 16+8+8+1+4)
	r.Routes = make([]Route, n)
	for i := range r.Routes {
		r.Routes[i].decode(rd)
	}
}

// Empty is the head of a message that says nothing.
type Empty struct{}

// Append encodes.
func (*Empty) Append(b []byte) []byte { return b }

// Decode decodes.
func (*Empty) Decode(*Reader) {}

// Ask is a status question by name ("nodes", "mesh", "txns"); the answer is
// JSON in the body.
type Ask struct{ What string }

// Append encodes.
func (a *Ask) Append(b []byte) []byte { return appendString(b, a.What) }

// Decode decodes.
func (a *Ask) Decode(r *Reader) { a.What = r.String(64) }
