package links

import (
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/sim/engine"
)

// The times of a run.
const (
	faultsFor  = 4 * time.Second // then all heals
	healFor    = 8 * time.Second // and by then all must be well
	handshake  = 2 * time.Second
	beatEvery  = 250 * time.Millisecond
	maxBackoff = 2 * time.Second
	maxMoves   = 8
)

// shape is the number of channels of each class: few, so that they matter.
var shape = [foci.NumClasses]int{foci.Ping: 1, foci.State: 1, foci.Reg: 2, foci.Bulk: 1, foci.Recovery: 1}

// Counts is what happened in a run, or in many.
type Counts struct {
	Requests, Answered, Failed, Moved, Waited, Canceled, HandedOut, Twice, Poisoned int
	Dials, Resets, MidHandshake, MidBody, Silences, Restarts, Drains, OneWays       int
	Taken, Stale, Suspects, Downs, Crossed, Spared                                  int
}

// Add adds another's.
func (c *Counts) Add(o *Counts) {
	c.Requests += o.Requests
	c.Answered += o.Answered
	c.Failed += o.Failed
	c.Moved += o.Moved
	c.Waited += o.Waited
	c.Canceled += o.Canceled
	c.HandedOut += o.HandedOut
	c.Twice += o.Twice
	c.Poisoned += o.Poisoned
	c.Dials += o.Dials
	c.Resets += o.Resets
	c.MidHandshake += o.MidHandshake
	c.MidBody += o.MidBody
	c.Silences += o.Silences
	c.Restarts += o.Restarts
	c.Drains += o.Drains
	c.OneWays += o.OneWays
	c.Taken += o.Taken
	c.Stale += o.Stale
	c.Suspects += o.Suspects
	c.Downs += o.Downs
	c.Crossed += o.Crossed
	c.Spared += o.Spared
}

// world is one run.
type world struct {
	*engine.World
	v       Mutant
	linked  bool
	eager   bool
	tables  int
	rough   float64 // how often a step is the last of its connection
	healed  bool
	procs   []*process
	blocked map[way]bool
	conns   []*conn
	nextID  link.Conn
	calls   []*call
	counts  Counts
	err     error
}

// way is a direction between two processes by one table.
type way struct {
	from, to int
	table    foci.Table
}

// Run runs one seed.
func Run(seed uint64, v Mutant) (Counts, error) {
	w := &world{World: engine.New(seed, 42), v: v, blocked: map[way]bool{}}
	w.linked, w.eager = w.Rand.IntN(5) == 0, w.Rand.IntN(2) == 0
	w.tables = 1 + w.Rand.IntN(2)
	w.rough = []float64{0, 0.002, 0.01, 0.05}[w.Rand.IntN(4)]
	for i := range 2 + w.Rand.IntN(3) {
		w.procs = append(w.procs, &process{w: w, at: i, inc: 1, deaf: true})
	}
	for _, p := range w.procs {
		w.After(w.UpTo(200*time.Millisecond), p.start)
	}
	w.plan()
	w.After(faultsFor, w.heal)
	w.Run(func() bool { return w.err == nil && w.Next() <= faultsFor+healFor })
	if w.err == nil {
		w.verify()
	}
	return w.counts, w.err
}

// broken notes the first broken promise.
func (w *world) broken(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("after %v: "+format, append([]any{w.Now}, args...)...)
	}
}

// delay is how long something takes on its way: mostly little.
func (w *world) delay() time.Duration {
	if w.Rand.IntN(50) == 0 && !w.healed {
		return w.UpTo(500 * time.Millisecond)
	}
	return w.UpTo(3 * time.Millisecond)
}
