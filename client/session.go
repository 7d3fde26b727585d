package client

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// Off switches an option off whose zero value means something else.
const Off = -1

// AskMode is which groups a question goes to first.
type AskMode uint8

// The modes.
const (
	// AskNearest asks as many of the nearest groups as are needed, and one more
	// when one of these fails or is late: a third less work.
	AskNearest AskMode = iota + 1
	// AskAll asks all groups at once: a little faster when a node has just become slow.
	AskAll
)

// SessionOptions are the settings of a session. A zero field inherits: in
// [Session.With] from the session, in [Client.Session] from the Config of the
// client. Every setting can be set back: [Session.Options] tells what it was.
type SessionOptions struct {
	// Ack is how many groups must have stored a write before it is done. At first
	// it is foci.Quorum. foci.One is outside of promise P1: it is for data that
	// may be lost with one node.
	Ack foci.Level
	// Read is how many groups must have voted before a read or a page of a list is
	// answered. At first it is foci.Quorum. foci.One is outside of promise P1: it
	// may give what was overwritten.
	Read foci.Level
	// Ask is which groups are asked first. At first it is AskNearest.
	Ask AskMode
	// Timeout is how long one operation may take, and each part of a large object:
	// its result is then an error. Off leaves it to the context. At first it is
	// the Timeout of Config.
	Timeout time.Duration
	// Stall is how long a request may be without an answer until it is sent again,
	// by another channel or another node where there is one; at least 1 ms. To
	// switch resending off, set Resends. At first it is the Stall of Config.
	Stall time.Duration
	// Resends is how often one stalled request is sent again before its replica
	// counts as failed. Off is never. At first it is the Resends of Config.
	Resends int
}

// Session is a sequence of operations: its mutations of one key run one at a
// time, in the order of the calls; nothing else is ordered. It is safe for
// concurrent use and needs no closing.
type Session struct {
	client *Client
	opts   SessionOptions
	turns  *turns
}

// Session starts a session.
func (c *Client) Session(o SessionOptions) *Session {
	return (&Session{client: c, opts: c.defaults, turns: newTurns()}).With(o)
}

// With is the same session with other settings, for single calls: what is zero
// in o stays as it is, and its mutations take their turns with the others.
//
//	s.With(client.SessionOptions{Timeout: time.Second, Resends: client.Off}).Put(…)
func (s *Session) With(o SessionOptions) *Session {
	next := *s
	set(&next.opts.Ack, o.Ack)
	set(&next.opts.Read, o.Read)
	set(&next.opts.Ask, o.Ask)
	set(&next.opts.Timeout, o.Timeout)
	if o.Stall > 0 {
		next.opts.Stall = o.Stall
	}
	set(&next.opts.Resends, o.Resends)
	return &next
}

// set changes an option unless its new value is zero.
func set[T comparable](option *T, value T) {
	var zero T
	if value != zero {
		*option = value
	}
}

// Options are the settings of the session, none of them zero.
func (s *Session) Options() SessionOptions { return s.opts }

// Client is the client that the session is of.
func (s *Session) Client() *Client { return s.client }

// canceled is the error of what was ended by its caller before anything was sent.
func canceled(why error) error {
	return foci.Errorf(foci.Canceled, "given up, nothing was changed: %w", why)
}

// endless is the deadline of an operation without one. It leaves room for what
// is added to deadlines.
const endless = math.MaxInt64 / 4

// deadline is when an operation that begins now ends at the latest.
func (s *Session) deadline(ctx context.Context) time.Duration {
	left := s.opts.Timeout
	if left < 0 {
		left = endless
	}
	if at, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(at))
	}
	return s.client.peer.Now() + max(left, 0)
}

// op is an operation with the settings of the session.
func (s *Session) op(id foci.ID, scope wire.Scope, bucket string, class foci.Class, deadline time.Duration) peer.Op {
	return peer.Op{ID: id, Scope: scope, Bucket: bucket, Class: class, Deadline: deadline, Stall: s.opts.Stall, Resends: s.opts.Resends}
}

// run runs an operation and waits for its answer. When ctx ends first the
// operation is given up, and its result says what is known.
func (s *Session) run(ctx context.Context, m quorum.Machine, op peer.Op) {
	done := make(chan struct{})
	op.Done, op.Trace = func() { close(done) }, traceOf(ctx)
	giveUp := s.client.peer.Run(m, op)
	select {
	case <-done:
	case <-ctx.Done():
		giveUp()
		<-done
	}
}

// givenUp is err, or the reason why ctx was ended when that is why there was no
// quorum: nothing has happened then, and the caller knows why.
func givenUp(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == context.Canceled && foci.KindOf(err) == foci.NoQuorum {
		return canceled(context.Cause(ctx))
	}
	return err
}

// config is for an operation on an object that begins now. It fails when ctx
// has ended.
func (s *Session) config(ctx context.Context, n foci.Name, id foci.ID, level foci.Level) (quorum.Config, error) {
	if ctx.Err() != nil {
		return quorum.Config{}, canceled(context.Cause(ctx))
	}
	return s.configBy(n, id, level, s.deadline(ctx))
}

// configBy is for one that ends by a deadline.
func (s *Session) configBy(n foci.Name, id foci.ID, level foci.Level, deadline time.Duration) (quorum.Config, error) {
	cfg, err := s.client.peer.Config(n.Bucket, id, level, deadline)
	if s.opts.Ask == AskAll {
		cfg.Hedge = 0
	}
	return cfg, err
}

// about says what an error is about; of a part of something larger (op "") the
// whole will say it.
func about(op string, n foci.Name, err error) error {
	if err == nil || op == "" {
		return err
	}
	return &foci.Error{Kind: foci.KindOf(err), Op: op, Where: n.String(), Msg: err.Error(), Err: foci.Cause(err)}
}

// tooFew is the error when fewer groups than are needed gave what they have. A
// replica that denies it is the reason by itself: the others will too.
func tooFew(got, need int, what string, groups foci.Replicas) error {
	if at := slices.IndexFunc(groups, func(r foci.Replica) bool { return r.Err != nil && foci.KindOf(r.Err) == foci.Denied }); at >= 0 {
		return groups[at].Err
	}
	slices.SortFunc(groups, func(a, b foci.Replica) int { return cmp.Compare(a.Group, b.Group) })
	return &foci.Error{
		Kind: foci.NoQuorum, Msg: fmt.Sprintf("%d of %d groups gave their %s, %d are needed", got, len(groups), what, need),
		Fix: "see foci nodes for what is down", Err: groups,
	}
}

// maxQueued bounds the mutations of a session that wait for an earlier one of
// the same key.
const maxQueued = 16384

// turns lets the mutations of one key run one at a time.
type turns struct {
	mu    sync.Mutex
	order *txn.Order[foci.Name, *mutation]
}

func newTurns() *turns { return &turns{order: txn.NewOrder[foci.Name, *mutation](maxQueued)} }

// release ends the turn of a key's mutation and starts the next. One that ends
// while it starts is passed over here, so that a long queue is no deep stack.
func (t *turns) release(n foci.Name) {
	for {
		t.mu.Lock()
		next, ok := t.order.Release(n)
		t.mu.Unlock()
		if !ok || next.start() {
			return
		}
	}
}

var errNoTurn = &foci.Error{Kind: foci.Busy, Msg: "earlier changes of the same key took all of its time, nothing was sent", Fix: "try again, or allow more time"}
