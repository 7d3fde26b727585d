package membership

import (
	"net"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/lockorder"
)

// quota bounds what the questions of transport clients about routes cost.
type quota struct {
	clock func() time.Duration

	mu lockorder.Mutex[lockorder.Leaf]
	by route.Allowance // guarded by mu
}

// source is by what a transport client's questions are counted; "" for a member,
// whose questions are not.
func source(in *mesh.Incoming) string {
	if in.From.Role != foci.RoleTransport {
		return ""
	}
	if in.From.Principal != "" {
		return string(in.From.Principal)
	}
	host, _, err := net.SplitHostPort(in.From.Addr)
	if err != nil {
		return in.From.Addr
	}
	return host
}

// admit reports whether a question about routes may be answered; else it has been
// refused.
func (q *quota) admit(in *mesh.Incoming) bool {
	s := source(in)
	if s == "" {
		return true
	}
	q.mu.Lock()
	ok := q.by.Ask(s, q.clock())
	q.mu.Unlock()
	if !ok {
		in.Fail(&foci.Error{Kind: foci.Busy, Msg: "too many questions about routes from " + s, RetryAfter: time.Second})
	}
	return ok
}

// reply answers a question about routes and charges for it.
func (q *quota) reply(in *mesh.Incoming, a codec.Message) {
	b := a.Append(nil)
	in.Reply(b, nil)
	if s := source(in); s != "" {
		q.mu.Lock()
		q.by.Charge(s, len(b), q.clock())
		q.mu.Unlock()
	}
}
