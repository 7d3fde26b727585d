package route

import (
	"time"

	"github.com/foci-store/foci"
)

const (
	// Rest is how long a forwarder that has no way to a node is not asked again
	// for that node: the first time; twice as long each further time.
	Rest = time.Second
	// MaxRest is the longest.
	MaxRest = 8 * time.Second
	// A choice holds for so long, and for so many requests, so that those that
	// follow each other go one way and yet the load is spread.
	choiceFor  = 100 * time.Millisecond
	choiceUses = 64
)

// Detours remembers who passes requests on to nodes that cannot be reached
// directly, and who has said that it cannot. It is not safe for concurrent use.
type Detours struct {
	// candidates are the tables of a node, and the nodes that may forward to it.
	candidates func(node foci.NodeID) ([]foci.Table, []Forwarder)
	turn       func() uint64 // random
	to         map[foci.NodeID]*detour
	gen        uint64 // raised by whatever may change a choice
}

// NewDetours makes an empty memory. candidates gives a node's tables and those
// who may forward to it; turn is a source of random numbers.
func NewDetours(candidates func(node foci.NodeID) ([]foci.Table, []Forwarder), turn func() uint64) *Detours {
	return &Detours{candidates: candidates, turn: turn, to: map[foci.NodeID]*detour{}}
}

// Detour is the present way round to one node.
type Detour struct {
	Via    foci.NodeID // with BridgeUp
	Is     Bridge
	Tables []foci.Table // of the node
	// After is, with BridgeAway, when the first of those that said no may be
	// asked again; 0 when nobody has.
	After time.Duration
}

// detour is the way round to one node.
type detour struct {
	Detour
	gen     uint64
	until   time.Duration // the choice is made again then
	uses    int
	resting map[foci.NodeID]*resting
}

// resting is a forwarder that has said that it has no way. When it has rested
// one request is tried, and it rests on until that is answered.
type resting struct {
	until  time.Duration
	long   time.Duration // the next time
	trying bool          // one request is
}

// Find is the present choice for a node. With use a request is sent that way.
func (w *Detours) Find(node foci.NodeID, now time.Duration, use bool) Detour {
	e := w.to[node]
	if e == nil {
		if len(w.to) >= foci.MaxNodes {
			clear(w.to)
		}
		e = &detour{}
		w.to[node] = e
	}
	if e.until <= now || e.gen != w.gen || e.uses >= choiceUses {
		w.choose(node, e, now)
	}
	if use {
		e.uses++
		if r := e.resting[e.Via]; r != nil && e.Is == BridgeUp {
			r.until, r.trying, e.uses = now+Rest, true, choiceUses
		}
	}
	d := e.Detour
	if d.Is == BridgeAway {
		for _, r := range e.resting {
			if left := r.until - now; left > 0 && (d.After == 0 || left < d.After) {
				d.After = left
			}
		}
	}
	return d
}

func (w *Detours) choose(node foci.NodeID, e *detour, now time.Duration) {
	theirs, all := w.candidates(node)
	for i := range all {
		r := e.resting[all[i].Node]
		all[i].Resting = r != nil && r.until > now
	}
	e.Via, e.Is = ChooseForwarder(theirs, all, e.Via, w.turn())
	e.gen, e.until, e.uses, e.Tables = w.gen, now+choiceFor, 0, theirs
}

// Changed has every choice made anew.
func (w *Detours) Changed() { w.gen++ }

// Came forgets what a node that was away, or is a newer incarnation, has said.
func (w *Detours) Came(node foci.NodeID) {
	w.gen++
	for _, e := range w.to {
		delete(e.resting, node)
	}
}

// Answered takes note of what an answer said of the forwarder by which it came:
// one that has no way is left alone for a while. It reports whether one that
// had none has one again; those who wait for it can go there.
func (w *Detours) Answered(via, node foci.NodeID, s Said, now time.Duration) (back bool) {
	e := w.to[node]
	switch {
	case e == nil:
	case s == HasNoWay:
		e.refused(via, now)
	case s == HasWay:
		back = e.resting[via] != nil
		delete(e.resting, via)
	}
	return back
}

// Back forgets who had no way to a node that is said to be up, and reports
// whether anybody had none.
func (w *Detours) Back(node foci.NodeID) bool {
	e := w.to[node]
	if e == nil || len(e.resting) == 0 {
		return false
	}
	e.resting, e.until = nil, 0
	return true
}

// refused has a forwarder rest.
func (e *detour) refused(via foci.NodeID, now time.Duration) {
	r := e.resting[via]
	if r == nil {
		r = &resting{long: Rest}
		if e.resting == nil {
			e.resting = map[foci.NodeID]*resting{}
		}
		e.resting[via] = r
	}
	e.until = 0
	if r.until > now && !r.trying {
		return // several were on their way
	}
	r.trying = false
	r.until = now + r.long
	r.long = min(2*r.long, MaxRest)
}

// Said is what an answer says of the forwarder by which it came.
type Said uint8

// The things that can be said.
const (
	Nothing Said = iota
	HasWay
	HasNoWay
)

// Heard is what an error that a forwarder answered of itself, not the node
// behind it, says of it, and the kind that the error has for the request:
// whatever one forwarder does not do for us, another may.
func Heard(k foci.Kind) (Said, foci.Kind) {
	switch k {
	case foci.Busy, foci.Canceled:
		return Nothing, k
	case foci.Unreachable, foci.NoRoute:
		return HasNoWay, k
	case foci.Protocol, foci.Invalid, foci.Denied, foci.TooLarge:
		return HasNoWay, foci.NoRoute // it was not passed on
	}
	return HasNoWay, foci.Unreachable
}
