package operation

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	core "github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// Op describes an operation to run.
type Op struct {
	ID       foci.ID // its owners are the replicas
	Bucket   string
	Scope    wire.Scope // what the id is made of; a member may leave it out
	Class    foci.Class
	Deadline time.Duration // on the clock of Config.Now
	Trace    foci.TraceID  // 0 = a new one
	Among    []foci.Group  // the only groups to ask; nil: all of the bucket
	Stall    time.Duration // a leg without an answer for this long is stalled; 0 = Config.Stall
	Resends  int           // of a stalled leg; 0 = Config.Resends, < 0 = none
	// Payload is that of the operation's record. The operation holds it until it is
	// idle. It may be nil.
	Payload *Payload
	// Done is called exactly once, when the result is known. Legs may still be open
	// then: those of a write go on for a while, unless their node is unreachable,
	// and hold its payload.
	Done func()
}

// run is a running operation.
type run struct {
	Op
	held atomic.Int32 // references to Payload: one until idle, one until Done has returned
}

// Run starts an operation. It returns at once; giveUp ends the operation for its
// caller now, as if the deadline had come.
func (r *Runner) Run(m quorum.Machine, op Op) (giveUp func()) {
	o := &run{Op: op}
	o.held.Store(2)
	if o.Trace == 0 {
		o.Trace = newTrace()
	}
	start := core.Op{
		Quorum: m, Scope: op.Scope, Class: op.Class, Deadline: op.Deadline, Trace: o.Trace, Stall: op.Stall, Resends: op.Resends,
		Ref: o,
	}
	if op.Payload != nil {
		op.Payload.hold()
		start.Reread = op.Payload.reread()
	}
	var started *core.Operation
	r.step(func(out []core.Effect, now time.Duration) []core.Effect {
		out, started = r.machine.Start(out, now, start)
		return out
	})
	return func() {
		r.step(func(out []core.Effect, now time.Duration) []core.Effect { return r.machine.GiveUp(out, now, started) })
	}
}

// release drops a reference of the operation; the last one releases the payload.
func (o *run) release() {
	if o.held.Add(-1) == 0 && o.Payload != nil {
		o.Payload.Release()
	}
}

// Ask sends one question to the replica that is its target. done is called once, with
// the answer.
func (r *Runner) Ask(m codec.Message, class foci.Class, deadline time.Duration, done func(quorum.Answer)) (giveUp func()) {
	t := m.(interface{ Aim() *wire.Target }).Aim()
	q := quorum.NewSingle(t.Group, m)
	return r.Run(q, Op{Class: class, Deadline: deadline, Trace: t.Trace, Done: func() { done(q.Result()) }})
}

// Call is Ask that waits for the answer, or for the end of ctx.
func (r *Runner) Call(ctx context.Context, m codec.Message, class foci.Class, deadline time.Duration) quorum.Answer {
	done := make(chan quorum.Answer, 1)
	giveUp := r.Ask(m, class, deadline, func(a quorum.Answer) { done <- a })
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
	}
	giveUp()
	a := <-done
	if a.Err != nil && errors.Is(ctx.Err(), context.Canceled) {
		a.Err = foci.Errorf(foci.Canceled, "the caller gave up: %w", a.Err)
	}
	return a
}
