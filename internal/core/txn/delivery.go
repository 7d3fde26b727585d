package txn

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Fate is the end of one attempt, as far as the sender can tell.
type Fate uint8

// The fates.
const (
	// NotSent: no channel took the attempt. The replica will never receive it.
	NotSent Fate = iota + 1
	// Refused: the replica answered with an error, whose kind says whether it may
	// have applied the mutation all the same: [foci.Kind.NotApplied].
	Refused
	// Lost: a channel took the attempt and was lost, or the relay lost the replica.
	// The replica may have applied it, or may still.
	Lost
	// Answered: the replica answered without an error.
	Answered
)

var fateNames = [...]string{"none", "not sent", "refused", "lost", "answered"}

// String is the name of the fate.
func (f Fate) String() string { return fateNames[min(int(f), len(fateNames)-1)] }

// Delivery is a link's report of one attempt. There is exactly one for each attempt.
type Delivery struct {
	Fate  Fate
	Msg   codec.Message // with Answered
	Body  []byte        // that came with Msg
	Err   error         // unless Answered
	Epoch foci.Epoch    // of the layout of who refused, with StaleLayout
	// Relayed: the relay itself failed, not the replica behind it.
	Relayed bool
	// Moved: the attempt was sent twice, because its first channel was lost. The
	// refusal of one copy does not tell whether the other was applied.
	Moved bool
}

// kind is the kind of the failure, which decides what is done next.
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

// notApplied reports whether this attempt has not been applied, and will not be.
func (d *Delivery) notApplied() bool {
	return d.Fate == NotSent || d.Fate == Refused && d.kind().NotApplied()
}
