package renewal

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	every      = time.Minute // mean time between checks of the certificate
	minPause   = 5 * time.Second
	maxPause   = 10 * time.Minute
	askTimeout = 5 * time.Second // for one node's answer
	maxAsked   = 8               // nodes that are asked in a row
	// settleTimeout is how long Settle waits for a renewal that has begun: a
	// command that ends within milliseconds must renew too.
	settleTimeout = time.Second
)

// Renewal renews the certificate of this process. Without certificates it does
// nothing.
type Renewal struct {
	certs *auth.Certificates // nil: there is nothing to renew
	log   *slog.Logger
	kick  chan struct{} // holds a token to check the certificate now
	turn  chan struct{} // holds a token while a renewal runs
}

// New makes the renewal of a process's certificates, which may be nil.
func New(certs *auth.Certificates, log *slog.Logger) *Renewal {
	return &Renewal{certs: certs, log: log, kick: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
}

// Authorities is the digest of the authorities that this process trusts; nil
// without certificates.
func (r *Renewal) Authorities() []byte {
	if r.certs == nil {
		return nil
	}
	return r.certs.Digest()
}

// Observe records the authorities that a node trusts. When they differ from ours
// the certificate is renewed soon.
func (r *Renewal) Observe(authorities []byte) {
	if r.certs == nil || mutant.On(mutant.SilentRotation) {
		return
	}
	if r.certs.Heard(authorities); r.certs.Due() {
		r.Check()
	}
}

// Check makes Run check the certificate now, for example when a link has come up.
func (r *Renewal) Check() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Settle waits up to settleTimeout for a renewal that has begun.
func (r *Renewal) Settle() {
	select {
	case r.turn <- struct{}{}:
		<-r.turn
	case <-time.After(settleTimeout):
	}
}

// Run renews the certificate whenever it is due, until ctx ends. It asks nodes over the
// links that are up.
func (r *Renewal) Run(ctx context.Context, links func() []*mesh.Link) {
	if r.certs == nil {
		return
	}
	var pause time.Duration
	var last time.Time // of the last attempt
	for {
		wait := every/2 + rand.N(every)
		if pause > 0 && r.certs.Due() { // the node that renewed it was behind in a rotation, or none did
			wait = max(0, pause-time.Since(last)) // a check in between does not delay it
		}
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		case <-time.After(wait):
		}
		if !r.certs.Due() || time.Since(last) < pause {
			continue
		}
		last = time.Now()
		r.turn <- struct{}{}
		err := r.renew(ctx, links())
		<-r.turn
		switch {
		case err == nil:
			pause = minPause
		case ctx.Err() == nil:
			pause = min(maxPause, max(minPause, 2*pause))
			r.log.Warn("the certificate of this process cannot be renewed yet", "err", err)
		}
	}
}

// renew asks one node after the other to sign. A process that holds the authority
// signs itself.
func (r *Renewal) renew(ctx context.Context, links []*mesh.Link) error {
	q, err := r.certs.NewRenewal()
	if err != nil {
		return err
	}
	if r.certs.Issues() {
		return r.certs.RenewOwn(q)
	}
	err = foci.Errorf(foci.Unreachable, "no node is reachable that could renew it")
	rand.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
	asked := 0
	for _, l := range links {
		if !l.Up() || asked == maxAsked {
			continue
		}
		asked++
		if err = r.request(ctx, l, q); err == nil {
			return nil
		}
	}
	return err
}

// request asks one node to sign a renewal.
func (r *Renewal) request(ctx context.Context, l *mesh.Link, q *auth.Renewal) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	reply, err := l.Call(ctx, foci.State, wire.MethodRenew, q.Request.Append(nil), nil)
	if err != nil {
		return err
	}
	var a wire.Renewed
	if err := codec.Unmarshal(reply.Head, &a); err != nil {
		return err
	}
	return r.certs.Adopt(q, &a)
}

// Serve signs a certificate for the identity that the sender of a renewal has
// proved.
func (r *Renewal) Serve(in *mesh.Incoming, q *wire.Renew) {
	if r.certs == nil {
		in.Fail(foci.Errorf(foci.Denied, "this process uses no certificates"))
		return
	}
	a, err := r.certs.Renew(in.Certificate(), q)
	if err != nil {
		in.Fail(err)
		return
	}
	in.Reply(a.Append(nil), nil)
}
