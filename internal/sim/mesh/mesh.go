package mesh

import (
	"fmt"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/sim/engine"
)

// The times of links: a fifth of those in production, for a run is short.
const (
	handshake  = 400 * time.Millisecond
	beatEvery  = 100 * time.Millisecond
	maxBackoff = 400 * time.Millisecond
	suspect    = 200 * time.Millisecond
	silent     = 800 * time.Millisecond // a peer is suspected within this time of silence
	maxMoves   = 8

	// Settle is the time within which every link is up after the end of all faults.
	Settle = 2 * time.Second
)

var timing = link.Timing{
	BackoffMin: 20 * time.Millisecond, BackoffMax: maxBackoff, Steady: 200 * time.Millisecond,
	Suspect: suspect, Patience: 600 * time.Millisecond,
	Quiet: 6,
}

// shape is the number of channels of each class: few, so that they matter.
var shape = [foci.NumClasses]int{foci.Ping: 1, foci.State: 1, foci.Reg: 2, foci.Bulk: 1, foci.Recovery: 1}

// Mutants switches off rules of links and of the shell around them.
type Mutants struct {
	link.Mutants
	LateReply     bool // a lost channel still delivers replies
	MoveHandedOut bool // a request is sent again although its caller has begun to read the reply
}

// Config is what all links of a run have in common.
type Config struct {
	Mutants Mutants
	Linked  bool    // the loss of one channel closes all
	Eager   bool    // all channels are kept open
	Rough   float64 // share of the steps of a connection at which it breaks
	Full    float64 // share of requests for which no channel has room
}

// Counts is what happened in a run, or in many.
type Counts struct {
	Probes, Answered, Failed, Moved, Waited, Canceled, HandedOut, Twice, Poisoned int
	Dials, Resets, MidHandshake, MidBody, Silences, Restarts, Drains, OneWays     int
	Taken, Stale, Suspects, Downs, Crossed, Spared                                int
}

// Mesh is all processes of a world and the connections between them.
type Mesh struct {
	*engine.Network
	Config
	Counts
	Err    *Broken // the first promise that was broken
	Healed bool    // there are no more faults

	resting bool // no more pings
	procs   []*Process
	conns   []*conn
	nextID  link.Conn
	number  int // of requests
	probes  []*Request
}

// New makes a mesh without processes.
func New(n *engine.Network, cfg Config) *Mesh { return &Mesh{Network: n, Config: cfg} }

// Broken is a promise of links that was broken.
type Broken struct {
	After time.Duration
	What  string
}

// Error says when, and what was broken.
func (b *Broken) Error() string { return fmt.Sprintf("links: after %v: %s", b.After, b.What) }

// broken records the first broken promise.
func (m *Mesh) broken(format string, args ...any) {
	if m.Err == nil {
		m.Err = &Broken{After: m.Now, What: fmt.Sprintf(format, args...)}
	}
}

// delay draws the time that a message takes: mostly little.
func (m *Mesh) delay() time.Duration {
	if m.Rand.IntN(50) == 0 && !m.Healed {
		return m.UpTo(100 * time.Millisecond)
	}
	return m.UpTo(3 * time.Millisecond)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
