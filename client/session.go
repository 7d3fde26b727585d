package client

import (
	"context"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// SessionOptions are the settings of a session.
type SessionOptions struct {
	Ack  foci.Level // acknowledgements that a write waits for; One is outside of promise P1
	Read foci.Level // votes that a read waits for; One is outside of promise P1
	// AskAll has every question go to all groups at once. Otherwise it goes to the
	// nearest ones, and to one more when one of these fails or is late: a third
	// less work, and a little slower when a node has just become slow.
	AskAll  bool
	Timeout time.Duration // of one operation; of a large object, of each part; 0 = the client's
	Stall   time.Duration // without an answer for so long a request is sent again; at least 1 ms; 0 = the client's
	Resends int           // how often that may happen to one request; 0 = the client's, < 0 = never
}

// Session is a sequence of operations: its mutations of one key run one at a
// time, in the order of the calls; nothing else is ordered. It is safe for
// concurrent use and needs no closing.
type Session struct {
	*Client
	opts  SessionOptions
	turns *turns
}

// Session starts a session.
func (c *Client) Session(o SessionOptions) *Session {
	if o.Timeout <= 0 {
		o.Timeout = c.timeout
	}
	return &Session{Client: c, opts: o, turns: newTurns()}
}

// With is the same session with other settings, for single calls: what is zero
// in o stays as it is, and its mutations take their turns with the others.
//
//	s.With(client.SessionOptions{Timeout: time.Second, Resends: -1}).Put(…)
func (s *Session) With(o SessionOptions) *Session {
	next := *s
	if o.Ack != 0 {
		next.opts.Ack = o.Ack
	}
	if o.Read != 0 {
		next.opts.Read = o.Read
	}
	if o.Timeout > 0 {
		next.opts.Timeout = o.Timeout
	}
	if o.Stall > 0 {
		next.opts.Stall = o.Stall
	}
	if o.Resends != 0 {
		next.opts.Resends = o.Resends
	}
	return &next
}

// canceled is the error of what was ended by its caller before anything was sent.
func canceled(why error) error {
	return foci.Errorf(foci.Canceled, "given up, nothing was changed: %w", why)
}

// deadline is when an operation that begins now ends at the latest.
func (s *Session) deadline(ctx context.Context) time.Duration {
	left := s.opts.Timeout
	if at, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(at))
	}
	return s.peer.Now() + max(left, 0)
}

// op is an operation with the settings of the session.
func (s *Session) op(id foci.ID, scope wire.Scope, bucket string, class foci.Class, deadline time.Duration) peer.Op {
	return peer.Op{ID: id, Scope: scope, Bucket: bucket, Class: class, Deadline: deadline, Stall: s.opts.Stall, Resends: s.opts.Resends}
}

// run runs an operation and waits for its answer. When ctx ends first the
// operation is given up, and its result says what is known.
func (s *Session) run(ctx context.Context, m peer.Machine, op peer.Op) {
	done := make(chan struct{})
	op.Done, op.Trace = func() { close(done) }, traceOf(ctx)
	giveUp := s.peer.Run(m, op)
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
	cfg, err := s.peer.Config(n.Bucket, id, level, deadline)
	if s.opts.AskAll {
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
