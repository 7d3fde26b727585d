package peer

import (
	"bytes"
	"context"
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	renewEvery  = time.Minute // between two looks whether the certificate is due
	renewMin    = 5 * time.Second
	renewMax    = 10 * time.Minute
	renewWithin = 5 * time.Second // for one node's answer
	renewAsk    = 8               // nodes that are asked in a row
	// renewSettle is how long Close waits for a renewal that has begun: a command
	// that is over in milliseconds must renew, too.
	renewSettle = time.Second
)

// renewal has this process's certificate renewed in time, over channels that are
// open.
type renewal struct {
	p     *Peer
	certs *auth.Certificates // nil: there is nothing to renew
	kick  chan struct{}
	turn  chan struct{} // held while a renewal runs
	last  []byte        // what rotated saw
}

func (r *renewal) init(p *Peer) {
	r.p, r.certs = p, p.cfg.Mesh.Auth.Certificates()
	r.kick, r.turn = make(chan struct{}, 1), make(chan struct{}, 1)
}

// believed is the digest of the authorities that this process believes; nil
// where nothing is proved.
func (r *renewal) believed() []byte {
	if r.certs == nil {
		return nil
	}
	return r.certs.Digest()
}

// rotated reports whether the authorities have changed since it was last asked.
// One goroutine asks.
func (r *renewal) rotated() bool {
	now := r.believed()
	changed := !bytes.Equal(now, r.last)
	r.last = now
	return changed
}

// heard notes the authorities that a node believes. When they are others than
// ours the certificate is renewed soon.
func (r *renewal) heard(authorities []byte) {
	if r.certs == nil || mutant.On(mutant.SilentRotation) {
		return
	}
	if r.certs.Heard(authorities); r.certs.Due() {
		r.soon()
	}
}

// start begins to watch the certificate, if there is one.
func (r *renewal) start() {
	if r.certs != nil {
		r.p.tasks.Go(r.run)
	}
}

// soon has the certificate looked at: a link has come up.
func (r *renewal) soon() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// settle waits a moment for a renewal that runs.
func (r *renewal) settle() {
	select {
	case r.turn <- struct{}{}:
		<-r.turn
	case <-time.After(renewSettle):
	}
}

func (r *renewal) run() {
	var pause time.Duration
	var last time.Time // of the last attempt
	for {
		look := renewEvery/2 + rand.N(renewEvery)
		if pause > 0 && r.certs.Due() { // the node that renewed it was behind in a rotation, or none did
			look = pause
		}
		select {
		case <-r.p.ctx.Done():
			return
		case <-r.kick:
		case <-time.After(look):
		}
		if !r.certs.Due() || time.Since(last) < pause {
			continue
		}
		last = time.Now()
		r.turn <- struct{}{}
		err := r.renew()
		<-r.turn
		switch {
		case err == nil:
			pause = renewMin
		case r.p.ctx.Err() == nil:
			pause = min(renewMax, max(renewMin, 2*pause))
			r.p.log.Warn("the certificate of this process cannot be renewed yet", "err", err)
		}
	}
}

// renew asks one node after the other, this one first.
func (r *renewal) renew() error {
	q, err := r.certs.NewRenewal()
	if err != nil {
		return err
	}
	if r.certs.Issues() {
		return r.certs.RenewOwn(q)
	}
	err = foci.Errorf(foci.Unreachable, "no node is reachable that could renew it")
	links := r.p.mesh.Peers()
	rand.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
	asked := 0
	for _, l := range links {
		if !l.Up() || asked == renewAsk {
			continue
		}
		asked++
		if err = r.ask(l, q); err == nil {
			return nil
		}
	}
	return err
}

func (r *renewal) ask(l *mesh.Link, q *auth.Renewal) error {
	ctx, cancel := context.WithTimeout(r.p.ctx, renewWithin)
	defer cancel()
	reply, err := l.Call(ctx, foci.State, wire.MethodRenew, q.Request.Append(nil), nil)
	if err != nil {
		return err
	}
	var a wire.Renewed
	if err := wire.Unmarshal(reply.Head, &a); err != nil {
		return err
	}
	return r.certs.Adopt(q, &a)
}

// serveRenew signs a certificate for the identity that the asker has proved.
func (p *Peer) serveRenew(in *mesh.Incoming, q *wire.Renew) {
	if p.renewal.certs == nil {
		in.Fail(foci.Errorf(foci.Denied, "nothing is proved here: there are no certificates"))
		return
	}
	a, err := p.renewal.certs.Renew(in.Certificate(), q)
	if err != nil {
		in.Fail(err)
		return
	}
	in.Reply(a.Append(nil), nil)
}
