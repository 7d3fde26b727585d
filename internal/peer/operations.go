package peer

import (
	"container/heap"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/layout"
)

// Machine is an operation of package quorum.
type Machine interface {
	Start(now time.Duration) quorum.Out
	Answer(now time.Duration, l quorum.Leg, a quorum.Answer) quorum.Out
	Wake(now time.Duration) quorum.Out
	Replan(now time.Duration, p quorum.Plan) quorum.Out
	Idle() bool
}

const (
	// linger is how long legs go on once their caller has been answered, so that
	// a replica that is merely slow gets the record too. Then a hint is left for it,
	// however often it says that it is alive or that it is storing the record.
	linger = 2 * time.Second
	// hintPatience is how long one replica is asked to keep a hint, after the
	// caller was answered.
	hintPatience = 2 * time.Second
)

// Op describes an operation to run.
type Op struct {
	ID       foci.ID // whose owners are asked
	Bucket   string
	Scope    wire.Scope // what the id is made of; a member may leave it out
	Class    foci.Class
	Deadline time.Duration // on the clock of Now
	Trace    foci.TraceID  // 0 = a new one
	Among    []foci.Group  // the only groups to ask; nil: all of the bucket
	Stall    time.Duration // without an answer for so long a leg is stalled; 0 = the process's
	Resends  int           // of a stalled leg; 0 = the process's, < 0 = none
	// Source is the payload of the operation's record when that has a length
	// and no payload. It may be nil.
	Source *Source
	// Done is called exactly once, when the caller is to be answered. Legs may
	// still be open then: those of a write go on for a while, unless their node
	// is away, and hold its payload.
	Done func()
	// Idle is called exactly once, after Done, when no leg is open any more and
	// the mesh has let go of the payload. It may be nil.
	Idle func()
}

// operation is one that runs.
type operation struct {
	Op
	peer *Peer
	mu   sync.Mutex // of m
	m    Machine
	legs []*leg // those that are open
	done bool   // the caller has been, or is being, answered
	idle bool
	// movedAt is when an attempt was seen to move last.
	movedAt int64
	held    atomic.Int32  // attempts that the mesh has, 1 until idle, and 1 until Done has returned
	wake    time.Duration // guarded by peer.wakes.mu, like place
	place   int           // in the heap; -1 = not in it
}

// Run starts an operation. It returns at once; giveUp ends the operation for
// its caller now, as if the deadline had come.
func (p *Peer) Run(m Machine, op Op) (giveUp func()) {
	o := &operation{Op: op, peer: p, m: m, place: -1}
	o.held.Store(2)
	if o.Trace == 0 {
		o.Trace = newTrace()
	}
	o.event(Machine.Start)
	return o.giveUp
}

// giveUp ends the operation for its caller, as if the deadline had come.
func (o *operation) giveUp() {
	o.expireLegs()
	o.event(func(m Machine, _ time.Duration) quorum.Out { return m.Wake(math.MaxInt64) })
}

// expiryWait bounds how long the end of an operation waits for legs that another
// goroutine is just ending.
const expiryWait = 100 * time.Millisecond

// expireLegs ends the open legs of an operation whose time is over, and waits
// until the machine knows, so that its error has what became of each.
func (o *operation) expireLegs() {
	o.mu.Lock()
	legs := slices.Clone(o.legs)
	for _, l := range legs {
		if l.over == nil {
			l.over = make(chan struct{})
		}
	}
	done := o.done
	o.mu.Unlock()
	if done || len(legs) == 0 {
		return
	}
	sent := legs[:0]
	o.peer.step(func(out []txn.Effect, now time.Duration) []txn.Effect {
		for _, l := range legs {
			if l.id != 0 { // else it is not submitted yet
				out = o.peer.txns.Expire(out, now, l.id)
				sent = append(sent, l)
			}
		}
		return out
	})
	late := time.NewTimer(expiryWait)
	defer late.Stop()
	for _, l := range sent {
		select {
		case <-l.over:
		case <-late.C:
			return
		}
	}
}

// event tells the machine something and does what it says. The machine is
// locked; what it says is done outside of the lock.
func (o *operation) event(tell func(m Machine, now time.Duration) quorum.Out) {
	o.mu.Lock()
	out := tell(o.m, o.peer.Now())
	o.done = o.done || out.Done
	idle := o.done && !o.idle && o.m.Idle()
	o.idle = o.idle || idle
	if out.Done && !idle && !mutant.On(mutant.EndlessLinger) {
		out.Wake = o.peer.Now() + o.peer.lingers
	}
	if !o.done || out.Done || idle {
		o.peer.wakes.set(o, out.Wake) // under the lock: an older wish must not follow a newer one
	}
	legs := o.begin(out.Asks)
	o.mu.Unlock()
	if len(legs) > 0 {
		o.peer.submit(legs)
	}
	if out.Layout != 0 {
		o.peer.NeedLayout(out.Layout, o.Deadline, o.replan)
		if o.peer.ctx.Err() != nil {
			o.giveUp() // no layout comes any more, and no alarm rings
		}
	}
	if out.Done {
		o.peer.lingering.Add(1)
		o.Done()
		o.settle(false)
		o.release()
	}
	if idle {
		o.release()
	}
}

func (o *operation) hold() { o.held.Add(1) }

func (o *operation) release() {
	if o.held.Add(-1) > 0 {
		return
	}
	if o.Idle != nil {
		o.Idle()
	}
	if o.peer.lingering.Add(-1) == 0 {
		select {
		case o.peer.quiet <- struct{}{}:
		default:
		}
	}
}

// begin makes legs of questions; the operation is locked.
func (o *operation) begin(asks []quorum.Ask) []submission {
	if len(asks) == 0 {
		return nil
	}
	subs := make([]submission, len(asks))
	for i := range asks {
		a := asks[i].Leg
		asks[i].Msg.(interface{ Aim() *wire.Target }).Aim().Trace = o.Trace
		if m, ok := asks[i].Msg.(interface{ Declare(wire.Scope) }); ok {
			m.Declare(o.Scope)
		}
		l := newLeg(asks[i].Msg, o.Class)
		l.done = func(ans quorum.Answer) {
			o.event(func(m Machine, now time.Duration) quorum.Out {
				o.forget(l) // its payload must not stay as long as the operation does
				defer l.told()
				return m.Answer(now, a, ans)
			})
		}
		l.stall = o.Stall
		if l.have != nil {
			l.have.Scope = o.Scope
			l.hold, l.release = o.hold, o.release
			if l.body == nil && o.Source != nil {
				l.source = o.Source
				l.long = o.Source.size > short
			}
		}
		o.legs = append(o.legs, l)
		subs[i] = submission{leg: l, deadline: o.Deadline, stall: o.Stall, resends: o.Resends}
		if l.after {
			subs[i].deadline = o.peer.Now() + hintPatience
		}
	}
	return subs
}

// forget drops a leg that has ended; the operation is locked.
func (o *operation) forget(l *leg) {
	at := slices.Index(o.legs, l)
	if last := len(o.legs) - 1; at >= 0 {
		o.legs[at] = o.legs[last]
		o.legs[last] = nil
		o.legs = o.legs[:last]
	}
}

// told notes that the machine was told of a leg's end; the operation is locked.
func (l *leg) told() {
	if l.over != nil {
		close(l.over)
	}
}

// replan gives the machine a newer layout.
func (o *operation) replan(s *layout.Snapshot) {
	groups := o.Among
	if groups == nil {
		groups, _ = o.peer.nearest(s, o.Bucket, o.ID)
	}
	o.event(func(m Machine, now time.Duration) quorum.Out {
		return m.Replan(now, quorum.Plan{Epoch: s.Epoch, Groups: groups})
	})
}

// woken is called when the time has come that was wished for: of the machine,
// or, once the caller has been answered, of the end of lingering.
func (o *operation) woken() {
	o.mu.Lock()
	done := o.done
	o.mu.Unlock()
	if done {
		o.settle(true)
		return
	}
	if o.peer.Now() >= o.Deadline {
		o.expireLegs()
	}
	o.event(func(m Machine, now time.Duration) quorum.Out {
		if a, fetches := m.(interface{ Arriving(now time.Duration) }); fetches && o.moved() {
			a.Arriving(now)
		}
		return m.Wake(now)
	})
}

// moved reports whether an attempt has moved since it was asked last; the
// operation is locked.
func (o *operation) moved() bool {
	last := o.movedAt
	for _, l := range o.legs {
		o.movedAt = max(o.movedAt, l.movedAt.Load())
	}
	return o.movedAt > last
}

// settle ends the legs whose answers nobody needs: questions, and records for a
// node that is away, for which a hint is left; in the end all. Hints have a
// deadline of their own.
func (o *operation) settle(all bool) {
	o.mu.Lock()
	var legs []*leg
	for _, l := range o.legs {
		if !l.after {
			legs = append(legs, l)
		}
	}
	o.mu.Unlock()
	if len(legs) == 0 {
		return // as after most writes: the last replica is about to answer
	}
	o.peer.step(func(out []txn.Effect, now time.Duration) []txn.Effect {
		for _, l := range legs {
			if l.id != 0 && (all || l.have == nil || o.peer.txns.Parked(l.id)) {
				out = o.peer.txns.Cancel(out, now, l.id)
			}
		}
		return out
	})
}

// wakes are the operations that want to be woken, by time.
type wakes struct {
	mu    sync.Mutex
	heap  wakeHeap
	alarm *alarm
}

// set notes when an operation wants to be woken; 0 = not at all.
func (w *wakes) set(o *operation, at time.Duration) {
	w.mu.Lock()
	switch {
	case at == o.wake:
		w.mu.Unlock()
		return
	case at == 0:
		heap.Remove(&w.heap, o.place)
		o.wake = 0
	case o.place < 0:
		o.wake = at
		heap.Push(&w.heap, o)
	default:
		o.wake = at
		heap.Fix(&w.heap, o.place)
	}
	first := len(w.heap) > 0 && w.heap[0] == o
	w.mu.Unlock()
	if first {
		w.alarm.by(at)
	}
}

// due takes out the operations whose time has come and says when the next one's
// does; 0 = never.
func (w *wakes) due(now time.Duration) (ops []*operation, next time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.heap) > 0 && w.heap[0].wake <= now {
		o := heap.Pop(&w.heap).(*operation)
		o.wake = 0
		ops = append(ops, o)
	}
	if len(w.heap) > 0 {
		next = w.heap[0].wake
	}
	return ops, next
}

type wakeHeap []*operation

func (h wakeHeap) Len() int           { return len(h) }
func (h wakeHeap) Less(i, j int) bool { return h[i].wake < h[j].wake }
func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *wakeHeap) Push(x any) {
	o := x.(*operation)
	o.place = len(*h)
	*h = append(*h, o)
}

func (h *wakeHeap) Pop() any {
	old := *h
	o := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	o.place = -1
	return o
}
