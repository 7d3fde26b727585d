package sim

import (
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/check"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// keys are what the clients fight for: one that is put, got and removed, one
// that is only appended to and got, and one for everything.
var keys = []string{"register", "journal", "mixed"}

const bucket = "sim"

func objectID(key string) foci.ID { return foci.ObjectID(foci.Name{Bucket: bucket, Key: key}) }

// client is one caller, doing one operation after another.
type client struct {
	*cluster
	at      endpoint
	id      int
	clock   time.Duration
	epoch   foci.Epoch // of the layout that it knows
	done    int
	started int
	carrier *carrier
}

func newClient(c *cluster, id int) *client {
	cl := &client{cluster: c, at: endpoint(100 + id), id: id, clock: c.skew(), epoch: 1}
	cl.carrier = newCarrier(cl)
	return cl
}

func (c *client) wall() int64 { return wallStart + int64(c.now+c.clock) }

// config is for one operation that begins now.
func (c *client) config(level foci.Level) quorum.Config {
	return quorum.Config{
		Plan: c.plan(), Level: level, Hedge: c.between(0, 30*time.Millisecond), Deadline: c.now + 3*time.Second,
		Clock: c.wall, Nonce: c.nonce, Weaken: c.variant.weaken(),
	}
}

func (c *client) nonce() uint64 {
	if c.variant == SharedVersions || c.variant == NoContentHash {
		return 1
	}
	return c.rng.Uint64() | 1
}

// plan lists the groups in an order of the client's own.
func (c *client) plan() quorum.Plan {
	p := quorum.Plan{Epoch: c.epoch}
	for _, g := range c.rng.Perm(groups) {
		p.Groups = append(p.Groups, foci.Group(g+1))
	}
	return p
}

// machine is what quorum's operations have in common.
type machine interface {
	Start(now time.Duration) quorum.Out
	Answer(now time.Duration, l quorum.Leg, a quorum.Answer) quorum.Out
	Wake(now time.Duration) quorum.Out
	Replan(now time.Duration, p quorum.Plan) quorum.Out
}

// run drives a machine; done is called once.
func (c *client) run(m machine, done func()) {
	r := &running{client: c, m: m, done: done}
	r.do(m.Start(c.now))
}

type running struct {
	*client
	m    machine
	done func()
	wake time.Duration
}

func (r *running) do(out quorum.Out) {
	for _, a := range out.Asks {
		r.carrier.ask(a.Group, a.Msg, func(ans quorum.Answer) { r.do(r.m.Answer(r.now, a.Leg, ans)) })
	}
	if out.Layout != 0 {
		r.after(r.between(time.Millisecond, 50*time.Millisecond), func() {
			r.client.epoch = max(r.client.epoch, r.cluster.epoch)
			r.do(r.m.Replan(r.now, r.plan()))
		})
	}
	if out.Wake != 0 && out.Wake != r.wake {
		r.wake = out.Wake
		r.after(out.Wake-r.now, func() { r.do(r.m.Wake(r.now)) })
	}
	if out.Done {
		r.done()
	}
}

// next does one random operation and then, after a pause, another.
func (c *client) next() {
	if c.over {
		return
	}
	key := keys[c.rng.IntN(len(keys))]
	c.act(c.action(key), key, foci.Quorum, func() {
		c.done++
		c.after(c.between(0, 40*time.Millisecond), c.next)
	})
	c.started++
}

func (c *client) action(key string) check.Action {
	of := map[string][]check.Action{
		"register": {check.Put, check.Put, check.Remove, check.Get, check.Get, check.Get},
		"journal":  {check.Append, check.Append, check.Get, check.Get},
		"mixed":    {check.Put, check.Append, check.Append, check.Append, check.Remove, check.Get, check.Get, check.Get},
	}[key]
	return of[c.rng.IntN(len(of))]
}

// act does one operation and records what came of it.
func (c *client) act(a check.Action, key string, level foci.Level, then func()) {
	i := len(c.history)
	c.history = append(c.history, check.Op{
		Client: c.id, Key: key, Action: a, Call: int64(c.now), Outcome: check.Unknown, Value: fmt.Sprintf("%d.", i),
	})
	if a == check.Get || a == check.Remove {
		c.history[i].Value = ""
	}
	if a == check.Get {
		c.get(i, level, then)
		return
	}
	rec := wire.Record{ID: objectID(key), Name: foci.Name{Bucket: bucket, Key: key}}
	rec.Op = map[check.Action]wire.Op{check.Put: wire.OpPut, check.Append: wire.OpAppend, check.Remove: wire.OpRemove}[a]
	rec.Payload = []byte(c.history[i].Value)
	rec.Size = uint64(len(rec.Payload))
	rec.Seal()
	w := quorum.NewWrite(c.config(level), rec)
	c.run(w, func() {
		v, err := w.Result()
		c.finish(i, v, err)
		then()
	})
}

// finish records how an operation ended.
func (c *client) finish(i int, v foci.Version, err error) {
	o := &c.history[i]
	o.Version, o.Return = v, int64(c.now)
	switch {
	case err == nil:
		o.Outcome = check.Acknowledged
	case foci.KindOf(err) == foci.OutcomeUnknown:
		o.Outcome = check.Unknown
	default:
		o.Outcome = check.Failed
		o.TestNote = foci.KindOf(err).String()
	}
}

// get resolves the object and then reads its content from a holder, anew when
// what it read is not what it resolved: then an append has slid in between, or
// the version was destroyed.
func (c *client) get(i int, level foci.Level, then func()) {
	id := objectID(c.history[i].Key)
	r := quorum.NewRead(c.config(level), id, 0)
	c.run(r, func() {
		found, err := r.Result()
		if err != nil {
			c.history[i].Outcome = check.Failed
			then()
			return
		}
		g := &getting{client: c, op: i, found: found, read: []string{""}, then: then}
		g.again = func() { c.get(i, level, then) }
		g.page(id, found.Vote.Base)
	})
}

// getting is the content of an object on its way.
type getting struct {
	*client
	op    int
	found quorum.Found
	got   wire.Vote
	read  []string
	again func()
	then  func()
}

// page reads the holder's log from a version on.
func (g *getting) page(id foci.ID, from foci.Version) {
	if g.found.Vote.Count == 0 {
		g.end(nil)
		return
	}
	cfg := g.config(foci.Quorum)
	cfg.Plan.Groups = g.found.Holders
	y := quorum.NewAny(cfg, wire.Fetch{ID: id, From: from, To: g.found.Vote.Newest, Limit: 16, MaxBytes: foci.MaxPayload})
	g.run(y, func() {
		m, body, err := y.Result()
		if err != nil {
			g.end(err)
			return
		}
		g.take(m, body)
		if last := m.Entries[len(m.Entries)-1].Version; m.More {
			g.page(id, foci.Version{Time: last.Time, Nonce: last.Nonce + 1})
			return
		}
		g.end(nil)
	})
}

// take keeps the base that was resolved and the appends above it; another base
// has come since and is not for this reader.
func (g *getting) take(m *wire.FetchReply, body []byte) {
	for k := range m.Entries {
		e := &m.Entries[k]
		value := string(body[:e.Bytes])
		body = body[e.Bytes:]
		switch {
		case !e.Op.IsBase():
			g.read = append(g.read, value)
		case e.Version == g.found.Vote.Base:
			g.read[0] = value
		default:
			continue
		}
		g.got.Sum = g.got.Sum.Add(e.Sum())
		g.got.Count++
	}
}

func (g *getting) end(err error) {
	v := &g.found.Vote
	switch {
	case err != nil && foci.KindOf(err) != foci.NotFound:
		g.history[g.op].Outcome = check.Failed
		g.then()
	case (g.got.Sum != v.Sum || g.got.Count != v.Count) && g.variant != NewestOnly && g.variant != NoWriteBack:
		g.again()
	default:
		g.history[g.op].Read = g.read
		g.finish(g.op, v.Newest, nil)
		g.then()
	}
}
