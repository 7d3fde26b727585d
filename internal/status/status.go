package status

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// Node is a process and what it stores.
type Node struct {
	ID          foci.NodeID      `json:"id"`
	Name        string           `json:"name,omitempty"` // in the layout
	Incarnation foci.Incarnation `json:"incarnation"`
	Role        foci.Role        `json:"role"`
	Epoch       foci.Epoch       `json:"epoch"` // of the layout that it works by; 0 without one
	Uptime      time.Duration    `json:"uptime_ns"`
	Protocols   wire.Protocols   `json:"protocols"` // that it speaks; zero: it does not say, so it speaks 1 alone
	Addrs       []string         `json:"addrs"`
	Backends    []Backend        `json:"backends"`
	NotVoting   string           `json:"not_voting,omitempty"`   // why it answers no version queries and stores nothing; empty: it votes
	ClockOff    time.Duration    `json:"clock_off_ns,omitempty"` // while it does not vote: its clock minus the others'
}

// Backend is one directory of a node.
type Backend struct {
	ID    foci.BackendID `json:"id"`
	Group foci.Group     `json:"group"`
	Dir   string         `json:"dir"`
	Stats
}

// Stats are what a backend holds and how it is. The fields are those of the
// store's own Stats, which this package must not import: clients read the
// answers, and link no store.
type Stats struct {
	Records  uint64 // transactions, of objects and chunks
	Objects  uint64 // objects and chunks that have at least one transaction
	Bytes    uint64 // of their payloads
	Segments int
	Queued   int    // records that wait for their fsync
	Hints    int    // objects, each with a group that may lack something of it
	Unhinted uint64 // hints refused because there were too many, since the start
	ReadOnly string // why no writes are taken; empty: they are
	NotReady string // why no questions are answered; empty: they are
}

// Txns are the legs that a process has pending, and what happened so far.
type Txns struct {
	Counters txn.Counters `json:"counters"`
	Pending  []PendingLeg `json:"pending"` // the oldest ones
	More     int          `json:"more"`    // pending ones that are not shown
	Bytes    int64        `json:"bytes"`   // of payload that pending ones hold
	Hints    int          `json:"hints"`   // of a node: objects of which another group may have missed a change
}

// PendingLeg is a leg that is pending, with the trace of its operation.
type PendingLeg struct {
	txn.Status
	Trace foci.TraceID `json:"trace"`
}
