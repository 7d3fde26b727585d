package operation

import (
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/foci-store/foci"
)

const (
	defaultMaxOps  = 65536
	defaultMaxHeld = 256 << 20
)

// limits bound the running operations and the payload that they hold. An operation
// beyond them is refused before anything is sent or a version chosen (backpressure).
type limits struct {
	ops  *semaphore.Weighted
	held *semaphore.Weighted
}

func (l *limits) init(ops int, held int64) {
	if ops <= 0 {
		ops = defaultMaxOps
	}
	if held <= 0 {
		held = defaultMaxHeld
	}
	l.ops, l.held = semaphore.NewWeighted(int64(ops)), semaphore.NewWeighted(held)
}

// Admit makes room for an operation that holds bytes of payload, or fails with Busy.
// The caller must call release once, when the operation has ended.
func (r *Runner) Admit(bytes int64) (release func(), err error) {
	if !r.limits.ops.TryAcquire(1) {
		return nil, busy("as many operations as are allowed are running")
	}
	if !r.limits.held.TryAcquire(bytes) {
		r.limits.ops.Release(1)
		return nil, busy("the operations that run hold as much payload as is allowed")
	}
	return func() {
		r.limits.held.Release(bytes)
		r.limits.ops.Release(1)
	}, nil
}

func busy(msg string) error {
	return &foci.Error{Kind: foci.Busy, Msg: msg, Fix: "try again, or run fewer at a time", RetryAfter: 50 * time.Millisecond}
}
