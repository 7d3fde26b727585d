package sim

import (
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/check"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/sim/engine"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// keys are the keys that the clients share: one that is put, got and removed, one
// that is only appended to and got, one for everything, one that is removed so
// often that its tombstones are destroyed, and one that is used with level One
// too and so outside P1.
var keys = []string{"register", "journal", "mixed", "brief", "loose"}

// actions are the actions on each key; the probability of each is its share here.
var actions = map[string][]check.Action{
	"register": {check.Put, check.Put, check.Remove, check.Get, check.Get, check.Get},
	"journal":  {check.Append, check.Append, check.Get, check.Get},
	"mixed":    {check.Put, check.Append, check.Append, check.Append, check.Remove, check.Get, check.Get, check.Get},
	"brief":    {check.Put, check.Append, check.Remove, check.Remove, check.Get, check.Get},
	"loose":    {check.Put, check.Put, check.Append, check.Remove, check.Get, check.Get},
}

const bucket = "sim"

func objectID(key string) foci.ID { return foci.ObjectID(foci.Name{Bucket: bucket, Key: key}) }

// client is one caller, doing one operation after another. Now and then it
// leaves in the middle of one and comes back as a new process.
type client struct {
	*cluster
	at      engine.Endpoint
	host    *node // that it is a part of; nil: a process of its own
	number  int
	clock   time.Duration
	ahead   time.Duration // added to the error of its clock until it is corrected
	epoch   foci.Epoch    // of the layout that it knows
	running int           // operations
	proc    *mesh.Process
	shell   *shell
}

func newClient(c *cluster, number int, host *node) *client {
	cl := &client{cluster: c, at: engine.Endpoint(100 + number), host: host, number: number, clock: c.skew(), epoch: 1}
	if host != nil {
		cl.at, cl.proc = host.at, host.proc
	} else {
		cl.proc = c.mesh.Add(cl.at, false)
	}
	cl.shell = newShell(cl)
	return cl
}

// mayNotWriteBack reports whether replicas deny the client's repairs, as those of
// a principal with the right to read alone.
func (c *client) mayNotWriteBack(m codec.Message) bool {
	s, ok := m.(*wire.Store)
	return ok && s.Repair && c.host == nil && c.number%3 == 2
}

func (c *client) wall() int64 { return wallStart + int64(c.Now+c.clock+c.ahead) }

// config is for one operation that begins now.
func (c *client) config(level foci.Level) quorum.Config {
	patience := 3 * time.Second
	if c.Chance(0.1) && !c.over {
		patience = c.Between(10*time.Millisecond, time.Second)
	}
	return quorum.Config{
		Plan: c.plan(), Level: level, Hedge: c.Between(0, 30*time.Millisecond), Deadline: c.Now + patience,
		Clock: c.wall, Nonce: c.nonce, Mutants: c.mutant.operations(),
	}
}

func (c *client) nonce() uint64 {
	if c.mutant == SharedVersions || c.mutant == NoContentHash {
		return 1
	}
	return c.Rand.Uint64() | 1
}

// plan lists the groups in an order of the client's own.
func (c *client) plan() quorum.Plan {
	p := quorum.Plan{Epoch: c.epoch}
	for _, g := range c.Rand.Perm(groups) {
		p.Groups = append(p.Groups, foci.Group(g+1))
	}
	return p
}

// learn takes the newest layout.
func (c *client) learn() { c.adopt(c.cluster.epoch) }

// adopt takes a layout, unless the client has a newer one.
func (c *client) adopt(e foci.Epoch) {
	if c.epoch < e {
		c.epoch = e
		c.shell.do(c.shell.machine.RouteChanged(nil, c.Now))
	}
}

// next does one random operation, or a burst of appends, and then goes on
// after a pause.
func (c *client) next() {
	if c.over {
		return
	}
	key := keys[c.Rand.IntN(len(keys))]
	action := actions[key][c.Rand.IntN(len(actions[key]))]
	n := 1
	if action == check.Append && key == "journal" && c.Chance(0.05) {
		n = 2 + c.Rand.IntN(20)
	}
	c.running = n
	for range n {
		c.act(action, key, c.level(key), c.ended)
	}
}

func (c *client) ended() {
	if c.running--; c.running == 0 {
		c.After(c.Between(0, 40*time.Millisecond), c.proc.During(c.next))
	}
}

func (c *client) level(key string) foci.Level {
	switch {
	case key == "loose":
		return []foci.Level{foci.Quorum, foci.One, foci.One, foci.All}[c.Rand.IntN(4)]
	case c.Chance(0.03):
		return foci.All
	}
	return foci.Quorum
}

// leave ends the process at any point of its work and starts another.
func (c *client) leave() {
	c.Leaves++
	c.running = 0
	c.shell.leave()
	c.shell = newShell(c)
	c.proc.Start()
	c.After(c.Between(0, 100*time.Millisecond), c.proc.During(c.next))
}

// act runs one operation and records its outcome.
func (c *client) act(a check.Action, key string, level foci.Level, then func()) {
	i := len(c.history)
	c.history = append(c.history, check.Op{
		Client: c.number, Key: key, Action: a, Level: level, Call: int64(c.Now), Outcome: check.Unknown, Value: fmt.Sprintf("%d.", i),
	})
	if a == check.Get || a == check.Remove {
		c.history[i].Value = ""
	}
	if a == check.Get {
		c.get(i, level, then)
		return
	}
	rec := record.Record{ID: objectID(key), Name: foci.Name{Bucket: bucket, Key: key}}
	switch a {
	case check.Put:
		rec.Op = record.OpPut
	case check.Append:
		rec.Op = record.OpAppend
	case check.Remove:
		rec.Op = record.OpRemove
	}
	rec.Payload = []byte(c.history[i].Value)
	rec.Size = uint64(len(rec.Payload))
	rec.Seal()
	cfg := c.config(level)
	w := quorum.NewWrite(cfg, rec)
	c.run(w, cfg.Deadline, func() {
		v, err := w.Result()
		c.finish(i, v, err)
		then()
	})
}

// finish records how an operation ended.
func (c *client) finish(i int, v foci.Version, err error) {
	o := &c.history[i]
	o.Version, o.Return = v, int64(c.Now)
	switch {
	case err == nil:
		o.Outcome = check.Acknowledged
		c.Acked++
	case foci.KindOf(err) == foci.OutcomeUnknown:
		o.Outcome = check.Unknown
	default:
		o.Outcome = check.Failed
		o.TestNote = foci.KindOf(err).String()
	}
}
