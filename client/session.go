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

// Off disables an option whose zero value means the default.
const Off = -1

// AskMode says which groups a request goes to first.
type AskMode uint8

// The modes.
const (
	// AskNearest asks only as many of the nearest groups as are needed, and another
	// one when one fails or is late (hedging). With three groups it saves a third of
	// the requests.
	AskNearest AskMode = iota + 1
	// AskAll asks all groups at once: latency is lower when a node becomes slow.
	AskAll
)

// SessionOptions are the settings of a session. A zero field inherits: in
// [Session.With] from the session, in [Client.Session] from the client's Config. So
// does a level or mode that is not defined.
type SessionOptions struct {
	// Ack is how many groups must store a write before it succeeds. Default:
	// foci.Quorum. foci.One is outside of promise P1: the write may be lost with one
	// node.
	Ack foci.Level
	// Read is how many groups must vote before a read or a page of a list succeeds.
	// Default: foci.Quorum. foci.One is outside of promise P1: a read may return
	// overwritten content.
	Read foci.Level
	// Ask says which groups are asked first. Default: AskNearest.
	Ask AskMode
	// Timeout limits one operation, and each chunk of large content. Off: only the
	// context limits it. Default: Config.Timeout.
	Timeout time.Duration
	// Stall is the time without an answer after which a request is resent, by another
	// channel or relay if there is one. Less than 1 ms counts as 1 ms; a negative
	// value inherits. To disable resending, set Resends to Off. Default: Config.Stall.
	Stall time.Duration
	// Resends is how often one stalled request is resent before its replica counts as
	// failed. Off: never. Default: Config.Resends.
	Resends int
}

// Session orders operations: its changes of one key run one at a time, in the order of
// the calls. Nothing else is ordered. It is safe for concurrent use and needs no
// closing.
type Session struct {
	client *Client
	opts   SessionOptions
	turns  *turns
}

// Session starts a session.
func (c *Client) Session(o SessionOptions) *Session {
	return (&Session{client: c, opts: c.defaults, turns: newTurns()}).With(o)
}

// With returns the same session with other settings, for single calls. A zero field of
// o keeps the setting. Changes of both are ordered together.
//
//	s.With(client.SessionOptions{Timeout: time.Second, Resends: client.Off}).Put(…)
func (s *Session) With(o SessionOptions) *Session {
	next := *s
	if o.Ack <= foci.All {
		set(&next.opts.Ack, o.Ack)
	}
	if o.Read <= foci.All {
		set(&next.opts.Read, o.Read)
	}
	if o.Ask <= AskAll {
		set(&next.opts.Ask, o.Ask)
	}
	set(&next.opts.Timeout, o.Timeout)
	if o.Stall > 0 {
		next.opts.Stall = max(o.Stall, minStall)
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

// Client is the client that made the session.
func (s *Session) Client() *Client { return s.client }

// canceled is the error of an operation that its caller ended before it was sent.
func canceled(why error) error {
	return foci.Errorf(foci.Canceled, "given up, nothing was changed: %w", why)
}

// endless is the deadline of an operation without one. Additions to it do not overflow.
const endless = math.MaxInt64 / 4

// deadline is the latest end of an operation that begins now.
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

// run runs an operation and waits for its answer. When ctx ends first, the operation is
// given up and its result says what is known.
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

// givenUp returns err, or Canceled with the cause of ctx if the end of ctx is the
// reason for NoQuorum.
func givenUp(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == context.Canceled && foci.KindOf(err) == foci.NoQuorum {
		return canceled(context.Cause(ctx))
	}
	return err
}

// config configures an operation on an object that begins now. It fails if ctx has
// ended.
func (s *Session) config(ctx context.Context, n foci.Name, id foci.ID, level foci.Level) (quorum.Config, error) {
	if ctx.Err() != nil {
		return quorum.Config{}, canceled(context.Cause(ctx))
	}
	return s.configBy(n, id, level, s.deadline(ctx))
}

// configBy configures an operation that ends by a deadline.
func (s *Session) configBy(n foci.Name, id foci.ID, level foci.Level, deadline time.Duration) (quorum.Config, error) {
	cfg, err := s.client.peer.Config(n.Bucket, id, level, deadline)
	if s.opts.Ask == AskAll {
		cfg.Hedge = 0
	}
	return cfg, err
}

// about adds operation and object to err. With op "" it adds nothing, because the
// larger operation will.
func about(op string, n foci.Name, err error) error {
	if err == nil || op == "" {
		return err
	}
	return &foci.Error{Kind: foci.KindOf(err), Op: op, Where: n.String(), Msg: err.Error(), Err: foci.Cause(err)}
}

// tooFew is the error when fewer groups than needed answered. If a replica refused
// with Denied, that is the error: the others would refuse too.
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

// maxQueued bounds the changes of a session that wait for an earlier one of the same
// key.
const maxQueued = 16384

// turns runs the changes of one key one at a time. mu guards order.
type turns struct {
	mu    sync.Mutex
	order *txn.Order[foci.Name, *mutation]
}

func newTurns() *turns { return &turns{order: txn.NewOrder[foci.Name, *mutation](maxQueued)} }

// release ends the turn of a key's change and starts the next one. It loops over
// changes that end while they start, so that a long queue needs no deep stack.
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
