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
	Protocols   wire.Protocols   `json:"protocols"` // that it speaks; zero: an old process, which speaks 1 only
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

// Stats are the contents and the state of a backend. The fields are those of the
// store's own Stats. This package must not import the store: clients decode the
// answers, and do not link the store.
type Stats struct {
	Records  uint64 // transactions, of objects and chunks
	Objects  uint64 // objects and chunks that have at least one transaction
	Bytes    uint64 // of their payloads
	Segments int
	Queued   int    // records that wait for their fsync
	Hints    int    // objects, each with a group that may lack something of it
	Unhinted uint64 // hints refused because there were too many, since the start
	ReadOnly string // why writes are refused; empty: they are not
	NotReady string // why all requests are refused; empty: they are not
}

// Txns are the pending legs of a process, and its counters.
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
