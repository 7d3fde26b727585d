package client

import (
	"context"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
)

// GetAsync begins a Get and returns at once; it calls done as PutAsync does. The
// caller must close the Reader. The end of ctx also ends reading; Cancel does so
// until the future has ended. Content up to 64 KiB arrives with the votes and takes
// no goroutine; for larger content at most 64 goroutines begin to read.
func (s *Session) GetAsync(ctx context.Context, n foci.Name, o GetOptions, done func(*Reader, error)) *Future[*Reader] {
	f := newFuture(s.client, done)
	free, err := s.client.peer.Admit(0)
	if err != nil {
		f.complete(nil, about("get", n, err))
		return f
	}
	f.settled = free
	if err := o.check(n); err != nil {
		f.complete(nil, err)
		return f
	}
	f.follow(ctx)
	g := &asyncGet{s: s, n: n, o: o, f: f}
	g.ctx, g.end = context.WithCancelCause(ctx)
	f.onCancel(g.cancel)
	g.start()
	return f
}

// asyncGet is a Get without a waiting goroutine.
type asyncGet struct {
	s      *Session
	n      foci.Name
	o      GetOptions
	f      *Future[*Reader]
	ctx    context.Context // of the reading
	end    context.CancelCauseFunc
	giveUp atomic.Pointer[func()] // ends the question for votes; nil: it has not begun
}

func (g *asyncGet) cancel(why error) {
	g.end(why)
	if giveUp := g.giveUp.Load(); giveUp != nil {
		(*giveUp)()
	}
}

// start sends the version query, or for an old version reads the log.
func (g *asyncGet) start() {
	if !g.o.Version.IsZero() {
		g.s.client.readers.add(func() { g.begin(nil) })
		return
	}
	m, op, err := g.s.question(g.ctx, g.n)
	if err != nil {
		g.complete(nil, err)
		return
	}
	op.Done = func() {
		found, err := g.s.answer(g.ctx, g.n, m)
		switch {
		case err != nil:
			g.complete(nil, err)
		case found.Inline:
			g.begin(&found) // it does not wait
		default:
			g.s.client.readers.add(func() { g.begin(&found) })
		}
	}
	giveUp := g.s.client.peer.Run(m, op)
	g.giveUp.Store(&giveUp)
	if g.ctx.Err() != nil {
		giveUp() // cancel may have come before
	}
}

func (g *asyncGet) begin(found *quorum.Found) { g.complete(g.s.get(g.ctx, g.n, g.o, found)) }

func (g *asyncGet) complete(r *Reader, err error) {
	if err != nil {
		g.end(nil)
		g.f.complete(nil, about("get", g.n, err))
		return
	}
	closed := r.end
	r.end = func() {
		closed()
		g.end(nil)
	}
	g.f.complete(r, nil)
}
