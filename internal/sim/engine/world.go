package engine

import (
	"math/rand/v2"
	"time"
)

// World is the clock, the random source and the events to come. Events run in
// the order of their times, and in the order in which they were scheduled when
// these are equal.
type World struct {
	Now  time.Duration
	Rand *rand.Rand
	Ran  int // events that have run

	queue   events
	serial  uint64
	pending int // of queue, without background events
}

// New makes a world at time 0. Streams of one seed are independent.
func New(seed, stream uint64) *World {
	return &World{Rand: rand.New(rand.NewPCG(seed, stream))}
}

// After schedules f for the time when d has passed.
func (w *World) After(d time.Duration, f func()) {
	w.pending++
	w.schedule(d, f, false)
}

// Background schedules f like After; [World.Settled] does not wait for it. It is for
// events that repeat for ever.
func (w *World) Background(d time.Duration, f func()) { w.schedule(d, f, true) }

func (w *World) schedule(d time.Duration, f func(), background bool) {
	w.serial++
	w.queue.push(event{w.Now + max(d, 0), w.serial, background, f})
}

// Run runs events while there are any and more returns true.
func (w *World) Run(more func() bool) {
	for len(w.queue) > 0 && more() {
		e := w.queue.pop()
		if !e.background {
			w.pending--
		}
		w.Now = e.at
		w.Ran++
		e.run()
	}
}

// Settled reports whether nothing is scheduled but background events.
func (w *World) Settled() bool { return w.pending == 0 }

// Next is the time of the next event; there must be one.
func (w *World) Next() time.Duration { return w.queue[0].at }

// Chance returns true with probability p.
func (w *World) Chance(p float64) bool { return w.Rand.Float64() < p }

// Between draws a time from lo to hi.
func (w *World) Between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.Rand.Int64N(int64(hi-lo)+1))
}

// UpTo draws a time from 0 to below d.
func (w *World) UpTo(d time.Duration) time.Duration { return time.Duration(w.Rand.Int64N(int64(d))) }
