package peer

import (
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer/path"
	"github.com/foci-store/foci/internal/serve"
	"github.com/foci-store/foci/internal/status"
)

// handlers returns the handlers of all methods: those of Config.Handlers, and those
// that every member has, even if it stores nothing.
func (p *Peer) handlers() (*serve.Handlers, error) {
	own := p.cfg.Handlers
	if own == nil {
		own = serve.Refuse(foci.Errorf(foci.NotReady, "this member stores nothing"))
	}
	ofMembers := append(p.Members.Handlers(),
		serve.On(p.renewal.Serve),
		serve.On(p.Paths().Forward),
		serve.On(func(in *mesh.Incoming, q *wire.Ask) { status.Serve(in, q, p) }),
	)
	return serve.New(p.cfg.Apart, slices.Concat(own, serve.When(p.ready, ofMembers...), []serve.Handler{
		serve.On(func(in *mesh.Incoming, _ *wire.Ping) { in.Reply(nil, nil) }),
		serve.Unwrap(wire.MethodRelayed, func(in *mesh.Incoming) bool { return path.Unwrap(in, p.cfg.Mesh.Auth.Certificates()) }),
	})...)
}

// ready fails a request that arrives before New returns.
func (p *Peer) ready(in *mesh.Incoming) bool {
	if p.started.Load() {
		return true
	}
	in.Fail(&foci.Error{Kind: foci.Busy, Msg: "this process is starting", RetryAfter: 20 * time.Millisecond})
	return false
}
