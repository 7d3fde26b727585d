package client

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/foci-store/foci"
)

// Future is a pending operation. It ends exactly once, by its deadline at the latest.
type Future[T any] struct {
	done     chan struct{}
	value    T     // once done
	err      error // once done
	callback func(T, error)
	ended    atomic.Bool
	stop     atomic.Pointer[func(error)] // ends the operation; nil before it can be, and when there is nothing to end
	stopped  atomic.Pointer[error]       // why it is to end
	settled  func()                      // called when the callback has returned; may be nil
	run      *callbacks
}

func newFuture[T any](c *Client, callback func(T, error)) *Future[T] {
	return &Future[T]{done: make(chan struct{}), callback: callback, run: &c.callbacks}
}

// Done is closed when the operation has ended.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Result waits for the end of the operation and returns its result.
func (f *Future[T]) Result() (T, error) {
	<-f.done
	return f.value, f.err
}

// Wait waits for the end of the operation or of ctx. When ctx ends first Wait fails
// with OutcomeUnknown, and the operation continues: the callback and later calls of
// Wait get its outcome. To end the operation, call Cancel.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
	default:
		select {
		case <-f.done:
		case <-ctx.Done():
			var none T
			return none, &foci.Error{
				Kind: foci.OutcomeUnknown, Msg: "the operation goes on, only the wait ended: " + context.Cause(ctx).Error(),
				Fix: "wait again, or cancel it", Err: foci.Cause(context.Cause(ctx)),
			}
		}
	}
	return f.value, f.err
}

var errCancelCalled = foci.Errorf(foci.Canceled, "Cancel was called")

// Cancel asks the operation to end, as if its context had ended, and does not wait.
// A change that was already sent may be applied: its outcome is then of kind
// OutcomeUnknown. After the end of the operation Cancel has no effect.
func (f *Future[T]) Cancel() { f.cancel(errCancelCalled) }

func (f *Future[T]) cancel(why error) {
	f.stopped.CompareAndSwap(nil, &why)
	if stop := f.stop.Load(); stop != nil {
		(*stop)(why)
	}
}

// onCancel sets the function that cancels the operation, and calls it if the
// operation is already canceled.
func (f *Future[T]) onCancel(stop func(error)) {
	f.stop.Store(&stop)
	if why := f.stopped.Load(); why != nil {
		stop(*why)
	}
}

// follow cancels the operation when ctx ends.
func (f *Future[T]) follow(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	unhook := context.AfterFunc(ctx, func() { f.cancel(context.Cause(ctx)) })
	settled := f.settled
	f.settled = func() {
		unhook()
		if settled != nil {
			settled()
		}
	}
}

// complete ends the operation; only the first call has an effect. The callback runs
// later, on a goroutine of the client.
func (f *Future[T]) complete(v T, err error) {
	if !f.ended.CompareAndSwap(false, true) {
		return
	}
	f.value, f.err = v, err
	f.stop.Store(nil)
	close(f.done)
	if f.callback == nil {
		f.settle()
		return
	}
	f.run.add(func() {
		defer f.settle()
		f.callback(f.value, f.err)
	})
}

func (f *Future[T]) settle() {
	if f.settled != nil {
		f.settled()
	}
}

// await waits for the end on behalf of a blocking call, which ends with ctx.
func (f *Future[T]) await(ctx context.Context) (T, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		f.cancel(context.Cause(ctx))
		<-f.done
	}
	return f.value, f.err
}

// maxWorkers bounds the goroutines that run callbacks at a time.
const maxWorkers = 64

// callbacks runs completion callbacks, under no lock and not on the goroutines that
// read the network: a callback may be slow and may call the client. Its goroutines
// end when the queue is empty. The limit of pending operations bounds the queue.
type callbacks struct {
	mu      sync.Mutex
	queue   []func()
	at      int // of the first that waits
	workers int
}

// add queues f.
func (c *callbacks) add(f func()) {
	c.mu.Lock()
	c.queue = append(c.queue, f)
	more := c.workers < maxWorkers
	if more {
		c.workers++
	}
	c.mu.Unlock()
	if more {
		go c.work()
	}
}

func (c *callbacks) work() {
	for {
		c.mu.Lock()
		if c.at == len(c.queue) {
			c.queue, c.at = nil, 0
			c.workers--
			c.mu.Unlock()
			return
		}
		f := c.queue[c.at]
		c.queue[c.at] = nil
		if c.at++; c.at > 1024 && c.at > len(c.queue)/2 {
			c.queue = append([]func(){}, c.queue[c.at:]...)
			c.at = 0
		}
		c.mu.Unlock()
		f()
	}
}
