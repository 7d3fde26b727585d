package links

import "github.com/foci-store/foci/internal/core/link"

// Variant is a link with one rule turned off.
type Variant string

// The variants.
const (
	Correct       Variant = ""
	LateReply     Variant = "late-reply"      // a lost channel still delivers what comes
	LoseWaiting   Variant = "lose-waiting"    // a failed dial forgets who waited for it
	MoveHandedOut Variant = "move-handed-out" // a reply that the caller has begun to read is asked for again
	MoveFixed     Variant = "move-fixed"      // what must not be sent twice is
	MoveForEver   Variant = "move-for-ever"   // there is no limit to moves
	KeepBoth      Variant = "keep-both"       // two channels may have one slot
	KeepStale     Variant = "keep-stale"      // a new incarnation resets nothing
	FailAtOnce    Variant = "fail-at-once"    // a lost channel fails what was on it
	NoRedial      Variant = "no-redial"       // who is down is not dialled again
)

// Variants are all the broken ones.
var Variants = []Variant{
	LateReply, LoseWaiting, MoveHandedOut, MoveFixed, MoveForEver, KeepBoth, KeepStale, FailAtOnce, NoRedial,
}

func (v Variant) weaken() link.Weaken {
	return link.Weaken{
		LoseWaiting: v == LoseWaiting,
		MoveFixed:   v == MoveFixed,
		MoveForEver: v == MoveForEver,
		KeepBoth:    v == KeepBoth,
		KeepStale:   v == KeepStale,
		FailAtOnce:  v == FailAtOnce,
		NoRedial:    v == NoRedial,
	}
}
