package sim

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/operation"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
)

// shell is the operation machine of one life of a client, with the code that carries
// out the machine's effects: it sends requests to nodes and returns the answers over
// the process's links.
type shell struct {
	*client
	machine *operation.Machine
	paths   *path.Machine
	wake    time.Duration // when the machine is ticked next; 0: not at all
	closed  bool          // the process has ended
}

// call is an operation, as its caller sees it.
type call struct {
	limit  time.Duration // when it must have ended
	among  []foci.Group  // the only groups to ask; nil: all of the layout
	prompt foci.Group    // when not 0, the only group whose votes are not held back
	done   func()
	ends   int
	idle   bool
}

const (
	stall     = 150 * time.Millisecond
	lateStall = 2 * time.Second // of operations whose votes are kept back for long
)

func newShell(c *client) *shell {
	s := &shell{client: c}
	s.paths = path.New(path.Config{Self: idOf(c.at), Network: network{s}, Rand: c.Rand.Uint64})
	for _, n := range c.nodes {
		if n.at != c.at && len(c.Shared(c.at, n.at)) > 0 {
			s.paths.Linked(n.id())
		}
	}
	s.machine = operation.New(operation.Config{
		// Payloads are small here, and Have is to be asked all the same.
		Txn:    txn.Config{Route: s.route, MaxLegs: 400, Stall: stall, Growth: c.growth, Resends: 5, AskAbove: 1},
		Linger: c.Between(stall, time.Second), Ended: s.ended, ForgetAttempts: c.mutant == ForgetAttempts,
	})
	c.proc.Changed = func(to engine.Endpoint, up bool) {
		if up {
			s.peerUp(c.nodes[to])
		} else {
			s.peerDown(c.nodes[to])
		}
	}
	if c.host != nil { // it reaches itself
		s.do(s.machine.PeerUp(nil, c.Now, c.host.id()))
	}
	return s
}

// run runs an operation; done is called once, unless the client leaves.
func (c *client) run(m quorum.Machine, deadline time.Duration, done func()) {
	r := &call{done: done}
	if c.Chance(0.1) && !c.over {
		r.prompt = foci.Group(1 + c.Rand.IntN(groups))
	}
	c.shell.start(m, deadline, r)
}

// runAmong runs an operation that asks some groups only.
func (c *client) runAmong(m quorum.Machine, deadline time.Duration, among []foci.Group, done func()) {
	c.shell.start(m, deadline, &call{among: among, done: done})
}

func (s *shell) start(m quorum.Machine, deadline time.Duration, r *call) {
	op := operation.Op{Quorum: m, Class: foci.Reg, Deadline: deadline, Ref: r}
	if r.limit = deadline; r.prompt != 0 {
		op.Stall = lateStall
	}
	out, _ := s.machine.Start(nil, s.Now, op)
	s.do(out)
}

// route finds the owner of a group in the layout that the client knows now.
func (s *shell) route(t txn.Target, class foci.Class) (txn.Path, error) {
	to, ok := s.layouts[s.epoch][t.Group]
	if !ok {
		return txn.Path{}, foci.Errorf(foci.NoRoute, "no group %d", t.Group)
	}
	p, err := s.paths.Find(s.nodes[to].id(), class, s.Now)
	return txn.Path{Peer: p.Node, Relay: p.Relay}, err
}

// do carries out effects and schedules the next tick.
func (s *shell) do(out []operation.Effect) {
	for i := range out {
		switch e := &out[i]; e.Do {
		case operation.Send:
			s.send(e.Attempt)
		case operation.Cancel:
			e.Attempt.Ref.(interface{ Cancel() }).Cancel()
		case operation.Answer:
			s.answer(e.Op)
		case operation.Idle:
			s.idle(e.Op)
		case operation.NeedLayout:
			s.After(s.Between(time.Millisecond, 50*time.Millisecond), func() { s.replan(e.Op) })
		}
	}
	s.schedule()
}

func (s *shell) schedule() {
	due, ok := s.machine.NextWake()
	if !ok || s.closed || s.wake != 0 && s.wake <= due {
		return
	}
	s.wake = due
	s.After(due-s.Now, func() {
		if s.wake == due && !s.closed {
			s.wake = 0
			s.do(s.machine.Tick(nil, s.Now))
		}
	})
}

// answer calls the caller back, unless its process has ended.
func (s *shell) answer(o *operation.Operation) {
	r := o.Ref.(*call)
	if r.ends++; r.ends > 1 || s.Now > r.limit || r.idle {
		s.misend("%T of client %d ended %d times, at %v, its deadline was %v", o.Quorum, s.number, r.ends, s.Now, r.limit)
		return
	}
	if !s.closed {
		r.done()
	}
}

// idle records that the machine has finished an operation with all of its legs.
func (s *shell) idle(o *operation.Operation) {
	r := o.Ref.(*call)
	if r.ends != 1 || r.idle {
		s.misend("%T of client %d was idle after %d ends, before: %t", o.Quorum, s.number, r.ends, r.idle)
	}
	r.idle = true
}

// replan takes the newest layout.
func (s *shell) replan(o *operation.Operation) {
	if s.closed {
		return
	}
	s.learn()
	p := s.plan()
	if r := o.Ref.(*call); r.among != nil {
		p.Groups = r.among
	}
	s.do(s.machine.Replan(nil, s.Now, o, p))
}

// ended records a change whose leg ended with the statement that nothing was done.
func (s *shell) ended(asked codec.Message, o txn.Outcome) {
	if m, ok := asked.(*wire.Store); ok && o.Err != nil && !o.MayApply {
		s.denied = append(s.denied, m)
	}
}

// leave ends the process: it resends nothing. Messages in flight may still arrive.
func (s *shell) leave() {
	s.proc.Crash()
	s.closed = true
	s.do(s.machine.Close(nil, s.Now))
}

// id is the node's identity; nodeOf is its inverse.
func (n *node) id() foci.NodeID { return idOf(n.at) }

func idOf(at engine.Endpoint) foci.NodeID { return foci.NodeID{byte(at) + 1} }

func nodeOf(id foci.NodeID) engine.Endpoint { return engine.Endpoint(id[0]) - 1 }
