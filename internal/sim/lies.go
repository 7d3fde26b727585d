package sim

import (
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

const twoDays = 48 * time.Hour

// beginAhead has the clocks of a quarter of the runs begin two days ahead, those
// of all nodes and clients. They are corrected one after the other.
func (c *cluster) beginAhead() {
	if c.liar.IntN(4) != 0 {
		return
	}
	c.Ahead++
	correct := 300*time.Millisecond + time.Duration(c.liar.Int64N(int64(time.Second)))
	begin := func(ahead *time.Duration) {
		c.step(ahead, twoDays, correct+time.Duration(c.liar.Int64N(int64(300*time.Millisecond))))
	}
	for _, n := range c.nodes {
		begin(&n.ahead)
	}
	for _, cl := range c.clients {
		begin(&cl.ahead)
	}
}

// step moves a clock, and back after a while.
func (c *cluster) step(ahead *time.Duration, by, within time.Duration) {
	*ahead += by
	c.After(within, func() {
		if !c.over {
			*ahead -= by
		}
	})
}

// slip repeatedly sets the clock of one node, or of all, back for a moment. Nodes
// refuse meanwhile what they would accept before and after.
func (c *cluster) slip() {
	if c.over {
		return
	}
	within := time.Duration(c.liar.Int64N(int64(200 * time.Millisecond)))
	one := c.nodes[c.liar.IntN(len(c.nodes))]
	all := c.liar.IntN(2) == 0
	for _, n := range c.nodes {
		if all || n == one {
			c.step(&n.ahead, -10*time.Minute, within)
		}
	}
	c.After(time.Duration(c.liar.Int64N(int64(500*time.Millisecond))), c.slip)
}

// beginLies has a client of a third of the runs lie about times, and the clocks
// of another third slip.
func (c *cluster) beginLies() {
	switch c.liar.IntN(3) {
	case 0:
		c.After(time.Duration(c.liar.Int64N(int64(time.Second))), c.lie)
	case 1:
		c.slip()
	}
}

// lie sends a forged record, whose time no owner holds: a remove that claims to have
// seen that time, or a repair. It goes to every replica, or to one.
func (c *cluster) lie() {
	if c.over {
		return
	}
	defer c.After(time.Duration(c.liar.Int64N(int64(time.Second))), c.lie)
	at := int64(foci.MaxTime - 2)
	if c.liar.IntN(2) == 0 {
		at = wallStart + int64(c.Now+twoDays+twoDays)
	}
	key := keys[c.liar.IntN(len(keys))]
	rec := record.Record{ID: objectID(key), Name: foci.Name{Bucket: bucket, Key: key}}
	rec.Version, rec.Op = foci.Version{Time: at, Nonce: c.liar.Uint64() | 1}, record.OpRemove
	repair := c.liar.IntN(2) == 0
	if repair {
		rec.Op, rec.Payload = record.OpPut, []byte("forged")
	}
	rec.Size = uint64(len(rec.Payload))
	rec.Seal()
	only := foci.Group(c.liar.IntN(2 * groups))
	for g := foci.Group(1); g <= groups; g++ {
		if only != 0 && only < groups && only != g {
			continue
		}
		n := c.nodes[c.layouts[c.epoch][g]]
		s := &wire.Store{Target: wire.Target{Epoch: c.epoch, Group: g}, Seen: at - 1, Repair: repair, Watermark: n.disk.watermark, Record: rec}
		c.Lies++
		n.handle(s, func(quorum.Answer) {})
	}
}

// newLiar returns a random source of its own, so that lies do not change the other
// faults of a seed.
func newLiar(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6c696172)) }
