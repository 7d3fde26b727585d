package sim

import (
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// machine is what quorum's operations have in common.
type machine interface {
	Start(now time.Duration) quorum.Out
	Answer(now time.Duration, l quorum.Leg, a quorum.Answer) quorum.Out
	Wake(now time.Duration) quorum.Out
	Replan(now time.Duration, p quorum.Plan) quorum.Out
}

// operation is a quorum machine and the shell around it. Its legs may outlive
// it: what the caller need not wait for is still brought to its end.
type operation struct {
	*client
	m        machine
	life     int           // of the client
	limit    time.Duration // when it must have ended
	deadline time.Duration // of its legs
	among    []foci.Group  // the only groups to ask; nil: all of the layout
	prompt   foci.Group    // when not 0, the only group whose votes come at once
	done     func()
	ends     int
	wake     time.Duration
}

// run drives a machine; done is called once, unless the client leaves.
func (c *client) run(m machine, deadline time.Duration, done func()) {
	r := &operation{client: c, m: m, life: c.life, limit: deadline, deadline: deadline + c.Between(0, time.Second), done: done}
	if c.Chance(0.1) && !c.over {
		r.prompt = foci.Group(1 + c.Rand.IntN(groups))
	}
	r.do(m.Start(c.Now))
}

// runAmong drives a machine that asks some groups only.
func (c *client) runAmong(m machine, deadline time.Duration, among []foci.Group, done func()) {
	r := &operation{client: c, m: m, life: c.life, limit: deadline, deadline: deadline, among: among, done: done}
	r.do(m.Start(c.Now))
}

func (r *operation) do(out quorum.Out) {
	for _, a := range out.Asks {
		if r.mayNotWriteBack(a.Msg) {
			r.deny(a.Leg)
			continue
		}
		_, vote := a.Msg.(*wire.Query)
		late := vote && r.prompt != 0 && r.prompt != a.Group
		r.carrier.ask(a.Group, a.Msg, late, r.deadline, func(ans quorum.Answer) {
			r.event(func() quorum.Out { return r.m.Answer(r.Now, a.Leg, ans) })
		})
	}
	if out.Layout != 0 {
		r.After(r.Between(time.Millisecond, 50*time.Millisecond), func() {
			r.event(func() quorum.Out {
				r.learn()
				p := r.plan()
				if r.among != nil {
					p.Groups = r.among
				}
				return r.m.Replan(r.Now, p)
			})
		})
	}
	if out.Wake != 0 && out.Wake != r.wake {
		r.wake = out.Wake
		r.After(out.Wake-r.Now, func() {
			r.event(func() quorum.Out { return r.m.Wake(r.Now) })
		})
	}
	if out.Done {
		if r.ends++; r.ends > 1 || r.Now > r.limit {
			r.misended = fmt.Errorf("promise E: %T of client %d ended %d times, at %v, its deadline was %v", r.m, r.number, r.ends, r.Now, r.limit)
			return
		}
		r.done()
	}
}

// deny answers a leg as a replica does whose caller lacks the right.
func (r *operation) deny(leg quorum.Leg) {
	r.After(r.Between(time.Millisecond, 20*time.Millisecond), func() {
		r.Denied++
		r.event(func() quorum.Out {
			return r.m.Answer(r.Now, leg, quorum.Answer{Err: foci.Errorf(foci.Denied, "no right to write")})
		})
	})
}

// event tells the machine something, unless its process has ended.
func (r *operation) event(tell func() quorum.Out) {
	if r.client.life == r.life {
		r.do(tell())
	}
}
