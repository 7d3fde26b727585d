package route

import (
	"slices"

	"github.com/foci-store/foci"
)

// Forwarder is a node of which requests can be asked, and that may pass them on
// to one that cannot be reached from here.
type Forwarder struct {
	Node    foci.NodeID
	Tables  []foci.Table
	Up      bool  // requests to it leave at once
	Resting bool  // it said a moment ago that it has no way to the target
	Load    int64 // bytes and requests on their way to it, on any one scale
}

// Bridge is whether a request can be forwarded.
type Bridge uint8

// The answers of [ChooseForwarder].
const (
	NoBridge   Bridge = iota // no node is in a table of ours and in one of the target's
	BridgeAway               // those that are cannot be used now
	BridgeUp                 // one can
)

// spill is how much more load than the least loaded one a forwarder may have
// and still be kept: requests that follow each other better take one way.
const spill = 1 << 20

// ChooseForwarder chooses who passes a request on to a target with addresses in
// some tables. Of those that can, the last one is kept while it is not much
// busier than another; else two are drawn by turn, a random number, and the one
// with less to do is taken. (The best of all would be everybody's choice.)
func ChooseForwarder(target []foci.Table, all []Forwarder, last foci.NodeID, turn uint64) (foci.NodeID, Bridge) {
	verdict := NoBridge
	var usable []*Forwarder
	var kept *Forwarder
	for i := range all {
		f := &all[i]
		if !slices.ContainsFunc(f.Tables, func(t foci.Table) bool { return slices.Contains(target, t) }) {
			continue
		}
		verdict = max(verdict, BridgeAway)
		if !f.Up || f.Resting {
			continue
		}
		usable = append(usable, f)
		if f.Node == last {
			kept = f
		}
	}
	if len(usable) == 0 {
		return foci.NodeID{}, verdict
	}
	least := slices.MinFunc(usable, func(a, b *Forwarder) int { return int(min(max(a.Load-b.Load, -1), 1)) })
	if kept != nil && kept.Load-least.Load <= spill {
		return kept.Node, BridgeUp
	}
	n := uint64(len(usable))
	a, b := usable[turn%n], usable[turn>>32%n]
	if b.Load < a.Load {
		a = b
	}
	return a.Node, BridgeUp
}

// Bridgeless is the error for a node that has no address in our tables, and to
// which nobody can pass requests on.
func Bridgeless(id foci.NodeID, ours, theirs []foci.Table) error {
	return &foci.Error{
		Kind: foci.NoRoute, Where: "node " + id.Short(),
		Msg: "has no address in our " + tablesText(ours) + ", only in " + tablesText(theirs) + ", and no node that is known has one in both",
		Fix: "use another table by --tables, or give a node an address in both",
	}
}
