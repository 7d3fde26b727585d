package sim

import (
	"fmt"
	"reflect"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/check"
	"github.com/foci-store/foci/internal/core/invariant"
	"github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// Report is what happened in a run.
type Report struct {
	Counts
	Virtual time.Duration
	History []check.Op
}

// Counts say that something happened at all.
type Counts struct {
	Ops, Acked, Unknown    int
	Crashes, Leaves, Swaps int // of nodes, of clients, of layouts
	Drops                  int // tombstones destroyed, at one replica
	Lost                   int // messages
	Resent, Asked, Found   int // attempts after the first; Have asked, and answered with stored
	Stalled, Parked        int // legs
	Hinted, Delivered      int // hints kept, and delivered to their groups
	Denied, Brought        int // write-backs of readers that may not write, and those that a replica did for them
	Relayed, Declined      int // requests relayed, and those that a relay declined
	Inquiries, Vouched     int // of owners, for evidence of a time; those that found it
	Ahead, Lies            int // runs whose clocks began two days ahead; forged records sent
	Astray                 int // requests to nodes whose clock differs from most
	Steps                  int
	Links                  mesh.Counts
}

// Add adds up.
func (c *Counts) Add(o *Counts) {
	sum, more := numbers(c), numbers(o)
	for name, n := range sum {
		n.SetInt(n.Int() + more[name].Int())
	}
}

// numbers are all fields of Counts and of what is in it, by name.
func numbers(c *Counts) map[string]reflect.Value {
	all := map[string]reflect.Value{}
	for _, v := range []reflect.Value{reflect.ValueOf(c).Elem(), reflect.ValueOf(&c.Links).Elem()} {
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.Int {
				all[v.Type().Field(i).Name] = v.Field(i)
			}
		}
	}
	return all
}

// Run runs one seed and reports the first promise that was broken.
func Run(seed uint64, v Mutant) (_ Report, err error) {
	defer violated(&err)
	c := newCluster(seed, v)
	for _, cl := range c.clients {
		c.After(c.Between(0, 5*time.Millisecond), cl.proc.During(cl.next))
	}
	c.After(c.Between(0, 300*time.Millisecond), c.disturb)
	c.After(c.Between(0, 300*time.Millisecond), c.collect)
	c.beginAhead()
	c.beginLies()
	c.mesh.Plan(runTime)
	c.Run(func() bool {
		short := c.Now < runTime || (len(c.history) < leastOps || c.Acked < leastAcked) && c.Now < maxRunTime
		return short && c.Ran < maxSteps
	})
	c.heal()
	healed := c.Now + mesh.Settle
	c.Run(func() bool { return c.Now < healed })
	if err := c.mesh.Verify(); err != nil {
		return c.report(), err
	}
	if err := c.drain(); err != nil {
		return c.report(), err
	}
	if err := c.mesh.VerifyIdle(); err != nil {
		return c.report(), err
	}
	if err := c.readBack(); err != nil {
		return c.report(), err
	}
	if err := c.verify(); err != nil {
		return c.report(), err
	}
	r := c.report()
	return r, c.usable()
}

// violated turns a machine's panic over a violated invariant into an error.
func violated(err *error) {
	switch v := recover().(type) {
	case nil:
	case invariant.Violation:
		*err = v
	default:
		panic(v)
	}
}

const (
	runTime    = 4 * time.Second
	maxRunTime = 20 * time.Second // when faults let little happen
	leastOps   = 60
	leastAcked = 20
	maxSteps   = 200_000 // a run needs a tenth; more means that a machine loops
	maxDrain   = time.Minute
)

// heal ends all faults for good.
func (c *cluster) heal() {
	c.over = true
	c.Network.Heal()
	c.mesh.Heal()
	for _, n := range c.nodes {
		n.clock, n.ahead, n.ready = 0, 0, 0
		if !n.up {
			n.start()
		}
	}
	for _, cl := range c.everybody() {
		cl.ahead = 0
	}
}

// drain runs until everything in flight has ended.
func (c *cluster) drain() error {
	limit, until := c.Ran+maxSteps, c.Now+maxDrain
	c.Run(func() bool { return !c.Settled() && c.Ran < limit && c.Now < until })
	if !c.Settled() {
		return endless("still busy at %v, after %d steps", c.Now, c.Ran)
	}
	for _, n := range c.nodes {
		if len(n.hints.kept) > 0 {
			return endless("node %d still keeps %d hints", n.at, len(n.hints.kept))
		}
	}
	for _, cl := range c.clients {
		if cl.running != 0 {
			return endless("%d operations of client %d have not ended", cl.running, cl.number)
		}
	}
	for _, cl := range c.everybody() {
		if due, busy := cl.shell.machine.NextWake(); busy || cl.shell.machine.Lingering() > 0 {
			return endless("client %d has %d operations that are not idle, and waits until %v", cl.number, cl.shell.machine.Lingering(), due)
		}
	}
	return nil
}

// endless is the error of something that does not end.
func endless(format string, args ...any) error {
	return &check.Broken{Promise: "E", What: fmt.Sprintf(format, args...)}
}

// readBack gets every key from all groups, which makes them equal (read repair).
func (c *cluster) readBack() error {
	c.After(path.MaxRest, func() {}) // by then relays that had no path are tried again
	if err := c.drain(); err != nil {
		return err
	}
	return c.must(check.Get, check.Get)
}

// usable puts, gets and removes every key: no fault of clocks or liars may make a
// key unusable. It runs last, because it leaves nothing to compare.
func (c *cluster) usable() error {
	return c.must(check.Put, check.Get, check.Remove, check.Put)
}

// must runs actions on every key that cannot fail after all faults have ended.
func (c *cluster) must(actions ...check.Action) error {
	for _, key := range keys {
		for _, a := range actions {
			c.clients[0].act(a, key, foci.All, func() {})
			if err := c.drain(); err != nil {
				return err
			}
			if last := &c.history[len(c.history)-1]; last.Outcome != check.Acknowledged {
				return &check.Broken{Promise: "P1", Key: key, What: fmt.Sprintf("it cannot be used after everything has healed: %v", last)}
			}
		}
	}
	return nil
}

func (c *cluster) verify() error {
	r := c.report()
	if c.misended != nil {
		return c.misended
	}
	if err := c.mesh.Err; err != nil {
		return err
	}
	for _, s := range c.denied {
		if c.kept[s] {
			return &check.Broken{Promise: "E", Key: s.Record.Name.Key, What: fmt.Sprintf("nothing was done, it was said, and group %d stored %s", s.Group, s.Record.Payload)}
		}
	}
	if r.Acked < leastAcked {
		return fmt.Errorf("too little traffic: %d of %d operations acknowledged", r.Acked, r.Ops)
	}
	if err := check.Appends(c.history); err != nil {
		return err
	}
	if err := check.Durable(c.history, c.logged); err != nil {
		return err
	}
	if err := check.Converged(c.contents()); err != nil {
		return err
	}
	return check.Register(c.history, 20*time.Second)
}

// logged reports whether some replica still has the transaction, or may have
// destroyed it because all of them had a newer tombstone.
func (c *cluster) logged(key string, o *check.Op) bool {
	id := objectID(key)
	if !c.dropped[id].Less(o.Version) {
		return true
	}
	for _, n := range c.owners() {
		if r, ok := n.disk.log(id).Get(o.Version); ok && string(r.Payload) == o.Value {
			return true
		}
	}
	return false
}

// contents returns the values of each key that each owner would serve.
func (c *cluster) contents() map[string][][]string {
	m := map[string][][]string{}
	for _, key := range keys {
		for _, n := range c.owners() {
			l := n.disk.log(objectID(key))
			var content []string
			for _, r := range l.From(l.Vote().Base) {
				if r.Op != record.OpRemove {
					content = append(content, string(r.Payload))
				}
			}
			m[key] = append(m[key], content)
		}
	}
	return m
}

func (c *cluster) report() Report {
	r := Report{Counts: c.Counts, Virtual: c.Now, History: c.history}
	r.Links = c.mesh.Counts
	r.Ops, r.Lost, r.Steps = len(c.history), c.Dropped, c.Ran
	for _, cl := range c.clients {
		n := cl.shell.machine.Counters()
		r.Resent += int(n.Resent)
		r.Stalled += int(n.Stalls)
		r.Parked += int(n.Parked)
	}
	for i := range c.history {
		switch c.history[i].Outcome {
		case check.Unknown:
			r.Unknown++
		}
	}
	return r
}
