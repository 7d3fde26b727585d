package sim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// world is virtual time: events run one after another in the order of their
// times, and in the order of their making when these are equal.
type world struct {
	now    time.Duration
	rng    *rand.Rand
	queue  events
	serial uint64
	steps  int
}

func newWorld(seed uint64) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 0x666f6369))}
}

type event struct {
	at     time.Duration
	serial uint64
	run    func()
}

// after runs f when d has passed.
func (w *world) after(d time.Duration, f func()) {
	w.serial++
	heap.Push(&w.queue, event{w.now + max(d, 0), w.serial, f})
}

// until runs events as long as more returns true and there are any.
func (w *world) until(more func() bool) {
	for len(w.queue) > 0 && more() {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		w.steps++
		e.run()
	}
}

// chance is true with probability p.
func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// between is a time from lo to hi.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return x
}
