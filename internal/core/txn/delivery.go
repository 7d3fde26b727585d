package txn

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Fate is what became of one attempt, as far as the sender can tell.
type Fate uint8

// The fates.
const (
	// NotSent: no channel took it. Nothing has reached the replica, nor will.
	NotSent Fate = iota + 1
	// Refused: the replica answered with an error, whose kind says whether it may
	// have applied the mutation all the same: [foci.Kind.NotApplied].
	Refused
	// Lost: a channel took it and was lost, or the relay lost the replica. The
	// replica may have applied it, or may still.
	Lost
	// Answered: the replica did what was asked.
	Answered
)

var fateNames = [...]string{"none", "not sent", "refused", "lost", "answered"}

// String is the fate in words.
func (f Fate) String() string { return fateNames[min(int(f), len(fateNames)-1)] }

// Delivery is what a link says of one attempt. Exactly one is given for each.
type Delivery struct {
	Fate  Fate
	Msg   codec.Message // with Answered
	Body  []byte        // that came with Msg
	Err   error         // unless Answered
	Epoch foci.Epoch    // of the layout of who refused, with StaleLayout
	// Relayed says that the relay itself failed, not the replica behind it.
	Relayed bool
	// Moved says that the attempt was sent twice, its first channel being lost. A
	// refusal of one copy says nothing of the other.
	Moved bool
}

// kind is what kept the attempt: what is done next depends on it.
func (d *Delivery) kind() foci.Kind {
	k := foci.KindOf(d.Err)
	switch {
	case d.Fate == Lost && d.Relayed:
		return foci.Unreachable
	case d.Fate == Lost:
		return foci.Closed
	case d.Fate == NotSent && (k == foci.Unreachable || k == foci.Closed || d.Relayed && k != foci.Busy):
		return foci.NoRoute
	}
	return k
}

// notApplied reports whether this attempt has changed nothing, and will not.
func (d *Delivery) notApplied() bool {
	return d.Fate == NotSent || d.Fate == Refused && d.kind().NotApplied()
}
