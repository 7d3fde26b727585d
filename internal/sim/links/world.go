package links

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
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
	rng     *rand.Rand
	now     time.Duration
	queue   events
	seq     int
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
	w := &world{rng: rand.New(rand.NewPCG(seed, 42)), v: v, blocked: map[way]bool{}}
	w.linked, w.eager = w.rng.IntN(5) == 0, w.rng.IntN(2) == 0
	w.tables = 1 + w.rng.IntN(2)
	w.rough = []float64{0, 0.002, 0.01, 0.05}[w.rng.IntN(4)]
	for i := range 2 + w.rng.IntN(3) {
		w.procs = append(w.procs, &process{w: w, at: i, inc: 1, deaf: true})
	}
	for _, p := range w.procs {
		w.after(w.upTo(200*time.Millisecond), p.start)
	}
	w.plan()
	w.after(faultsFor, w.heal)
	for w.err == nil && len(w.queue) > 0 && w.queue[0].at <= faultsFor+healFor {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	if w.err == nil {
		w.verify()
	}
	return w.counts, w.err
}

// broken notes the first broken promise.
func (w *world) broken(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("after %v: "+format, append([]any{w.now}, args...)...)
	}
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// delay is how long something takes on its way: mostly little.
func (w *world) delay() time.Duration {
	if w.rng.IntN(50) == 0 && !w.healed {
		return w.upTo(500 * time.Millisecond)
	}
	return w.upTo(3 * time.Millisecond)
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{at: w.now + d, seq: w.seq, do: do})
}

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (q events) Len() int { return len(q) }

func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}

func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *events) Push(v any) { *q = append(*q, v.(event)) }

func (q *events) Pop() any {
	old := *q
	v := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return v
}
