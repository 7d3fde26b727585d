package operation

import (
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/mutant"
	core "github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/lockorder"
	"github.com/foci-store/foci/internal/status"
)

// Paths carries attempts.
type Paths interface {
	// Send gives a request to the link that the path of an attempt begins with, or
	// to this process itself. It returns as [mesh.Link.Send] does.
	Send(a *core.Attempt, q *mesh.Request) error
	// Delivered records the fate of an attempt sent through a relay. It corrects the
	// fate in d if the error is the relay's own.
	Delivered(relay, node foci.NodeID, d *txn.Delivery)
	// WhyDown returns why no channel to a node is open; nil if one is open or the
	// reason is unknown.
	WhyDown(node foci.NodeID) error
	// Observe records how long a node took to answer a query.
	Observe(node foci.NodeID, took time.Duration)
}

// Layouts plans operations by the layout.
type Layouts interface {
	// Route finds the node of a target, and the path to it. It is called under the
	// runner's lock.
	Route(t txn.Target, class foci.Class) (txn.Path, error)
	// Nearest returns the groups of an object, nearest first.
	Nearest(s *layout.Snapshot, bucket string, id foci.ID) []foci.Group
	// Need calls tell once with a layout of at least an epoch, unless none is adopted
	// before until, on the clock of Config.Now.
	Need(epoch foci.Epoch, until time.Duration, tell func(*layout.Snapshot))
}

// Config is what a runner needs.
type Config struct {
	Paths   Paths
	Layouts Layouts
	Traces  *status.Traces
	Now     func() time.Duration // the clock of deadlines

	Stall   time.Duration // a leg without an answer for this long is stalled; 0 = 2 s
	Resends int           // of a stalled leg; 0 = 5
	MaxOps  int           // maximum of running operations; 0 = 65,536
	MaxHeld int64         // maximum of payload bytes that they hold; 0 = 256 MiB
	Linger  time.Duration // see [core.Config]
}

// Runner runs operations.
type Runner struct {
	cfg    Config
	alarm  *alarm
	limits limits
	quiet  chan struct{} // signals, once closing, that no operation lingers

	mu lockorder.Mutex[lockorder.Operations]

	// Guarded by mu.
	machine *core.Machine
	closing bool
}

// New makes a runner for which every node is down.
func New(cfg Config) *Runner {
	r := &Runner{cfg: cfg, quiet: make(chan struct{}, 1)}
	r.limits.init(cfg.MaxOps, cfg.MaxHeld)
	r.machine = core.New(core.Config{
		// Admit limits operations before they begin; so legs have no limits.
		Txn:    txn.Config{Route: cfg.Layouts.Route, Stall: cfg.Stall, Resends: cfg.Resends, MaxLegs: 1 << 20, MaxBytes: 1 << 40},
		Linger: cfg.Linger, WhyDown: cfg.Paths.WhyDown, Channel: channel, Ended: r.legEnded,
	})
	r.alarm = newAlarm(cfg.Now, r.tick)
	return r
}

// legEnded observes how fast a node has answered a query.
func (r *Runner) legEnded(asked codec.Message, o txn.Outcome) {
	if _, query := asked.(*wire.Query); query && o.Err == nil {
		r.cfg.Paths.Observe(o.Peer, o.Took)
	}
}

// effectBuffers are pooled because every message takes a step.
var effectBuffers = sync.Pool{New: func() any { b := make([]core.Effect, 0, 16); return &b }}

// step runs an event of the machine under the lock, and carries out its effects after
// releasing it.
func (r *Runner) step(event func(out []core.Effect, now time.Duration) []core.Effect) {
	buf := effectBuffers.Get().(*[]core.Effect)
	r.mu.Lock()
	out := event((*buf)[:0], r.cfg.Now())
	for i := range out {
		if out[i].Do == core.Send { // a Cancel of it may follow once mu is released
			out[i].Attempt.Ref = newSending(r, out[i].Attempt)
		}
	}
	wake, ok := r.machine.NextWake()
	quiet := r.closing && r.machine.Lingering() == 0
	r.mu.Unlock()
	if ok {
		r.alarm.by(wake)
	}
	for i := range out {
		r.carryOut(&out[i])
	}
	if quiet {
		select {
		case r.quiet <- struct{}{}:
		default:
		}
	}
	clear(out)
	*buf = out
	effectBuffers.Put(buf)
}

func (r *Runner) carryOut(e *core.Effect) {
	switch e.Do {
	case core.Send:
		e.Attempt.Ref.(*sending).send()
	case core.Cancel:
		e.Attempt.Ref.(*sending).req.Cancel()
	case core.Answer:
		run := e.Op.Ref.(*run)
		run.Done()
		run.release()
	case core.Idle:
		e.Op.Ref.(*run).release()
	case core.NeedLayout:
		o := e.Op // e is used again
		r.cfg.Layouts.Need(e.Epoch, o.Deadline, func(s *layout.Snapshot) { r.replan(o, s) })
	}
}

// replan passes the layout that an operation needs.
func (r *Runner) replan(o *core.Operation, s *layout.Snapshot) {
	run := o.Ref.(*run)
	groups := run.Among
	if groups == nil {
		groups = r.cfg.Layouts.Nearest(s, run.Bucket, run.ID)
	}
	r.step(func(out []core.Effect, now time.Duration) []core.Effect {
		return r.machine.Replan(out, now, o, quorum.Plan{Epoch: s.Epoch, Groups: groups})
	})
}

// tick runs what is due.
func (r *Runner) tick() {
	r.step(func(out []core.Effect, now time.Duration) []core.Effect {
		for _, a := range r.machine.Look(now) {
			own, others := a.Ref.(*sending).req.Moved()
			r.machine.Progress(now, a, own, others)
		}
		return r.machine.Tick(out, now)
	})
}

// PeerUp observes that a channel to a node is open. Legs that wait for the node, or for
// a path, are sent.
func (r *Runner) PeerUp(node foci.NodeID) {
	r.step(func(out []core.Effect, now time.Duration) []core.Effect {
		return r.machine.RouteChanged(r.machine.PeerUp(out, now, node), now)
	})
}

// PeerDown observes that no channel to a node is open.
func (r *Runner) PeerDown(node foci.NodeID) {
	r.step(func(out []core.Effect, now time.Duration) []core.Effect { return r.machine.PeerDown(out, now, node) })
}

// RouteChanged makes legs that wait for a path find one again.
func (r *Runner) RouteChanged() {
	r.step(r.machine.RouteChanged)
}

// Linger waits for a limited time for the legs of answered operations, and for the
// hints that replace legs without an answer.
func (r *Runner) Linger() {
	patience := r.cfg.Linger
	if patience == 0 {
		patience = core.DefaultLinger
	}
	if !mutant.On(mutant.HintsAtClose) {
		patience += core.HintPatience
	}
	end := time.NewTimer(patience)
	defer end.Stop()
	for {
		r.mu.Lock()
		r.closing = true
		lingers := r.machine.Lingering() > 0
		r.mu.Unlock()
		if !lingers {
			return
		}
		select {
		case <-r.quiet: // check again: other operations may linger since
		case <-end.C:
			return
		}
	}
}

// Close ends all operations. It may be called twice.
func (r *Runner) Close() {
	r.step(r.machine.Close)
	r.alarm.close()
}
