package client

import (
	"context"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/peer"
)

// SessionOptions are the settings of a session.
type SessionOptions struct {
	Ack     foci.Level    // acknowledgements that a write waits for; One is outside of promise P1
	Read    foci.Level    // votes that a read waits for; One is outside of promise P1
	Timeout time.Duration // of one operation; of a large object, of each part; 0 = the client's
}

// maxQueued bounds the mutations of a session that wait for an earlier one of
// the same key.
const maxQueued = 16384

// Session is a sequence of operations: its mutations of one key run one at a
// time, in the order of the calls; nothing else is ordered. It is safe for
// concurrent use and needs no closing.
type Session struct {
	*Client
	opts  SessionOptions
	mu    sync.Mutex
	order *txn.Order[foci.Name, *turn]
}

// turn is a mutation that waits for its turn.
type turn struct{ come chan struct{} }

// Session starts a session.
func (c *Client) Session(o SessionOptions) *Session {
	if o.Timeout <= 0 {
		o.Timeout = c.timeout
	}
	return &Session{Client: c, opts: o, order: txn.NewOrder[foci.Name, *turn](maxQueued)}
}

// inTurn waits until no earlier mutation of the key runs in this session, until
// a deadline at the latest. Unless it fails, release is to be called.
func (s *Session) inTurn(ctx context.Context, n foci.Name, deadline time.Duration) (waited bool, err error) {
	t := &turn{come: make(chan struct{})}
	s.mu.Lock()
	now, err := s.order.Acquire(n, t)
	s.mu.Unlock()
	if now || err != nil {
		return false, err
	}
	late := time.NewTimer(deadline - s.peer.Now())
	defer late.Stop()
	err = errNoTurn
	select {
	case <-t.come:
		return true, nil
	case <-ctx.Done():
		err = canceled(ctx)
	case <-late.C:
	}
	s.mu.Lock()
	still := s.order.Withdraw(n, t)
	s.mu.Unlock()
	if !still {
		s.release(n) // the turn came at the same moment
	}
	return true, err
}

var errNoTurn = &foci.Error{Kind: foci.Busy, Msg: "earlier changes of the same key took all of its time, nothing was sent", Fix: "try again, or allow more time"}

func (s *Session) release(n foci.Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, ok := s.order.Release(n); ok {
		close(next.come)
	}
}

func canceled(ctx context.Context) error {
	return foci.Errorf(foci.Canceled, "given up, nothing was changed: %w", context.Cause(ctx))
}

// deadline is when an operation that begins now ends at the latest.
func (s *Session) deadline(ctx context.Context) time.Duration {
	left := s.opts.Timeout
	if at, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(at))
	}
	return s.peer.Now() + max(left, 0)
}

// run runs an operation and waits for its answer. When ctx ends first the
// operation is given up, and its result says what is known.
func (s *Session) run(ctx context.Context, m peer.Machine, op peer.Op) {
	done := make(chan struct{})
	op.Done = func() { close(done) }
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
		return canceled(ctx)
	}
	return err
}

// config is for an operation on an object that begins now. It fails when ctx
// has ended.
func (s *Session) config(ctx context.Context, n foci.Name, id foci.ID, level foci.Level) (quorum.Config, error) {
	if ctx.Err() != nil {
		return quorum.Config{}, canceled(ctx)
	}
	return s.peer.Config(n.Bucket, id, level, s.deadline(ctx))
}

// about says what an error is about.
func about(op string, n foci.Name, err error) error {
	if err == nil {
		return nil
	}
	return &foci.Error{Kind: foci.KindOf(err), Op: op, Where: n.String(), Msg: err.Error(), Err: foci.Cause(err)}
}
