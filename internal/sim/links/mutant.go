package links

import "github.com/foci-store/foci/internal/core/link"

// Mutant is a link with one rule turned off.
type Mutant string

// The mutants.
const (
	Correct       Mutant = ""
	LateReply     Mutant = "late-reply"      // a lost channel still delivers what comes
	LoseWaiting   Mutant = "lose-waiting"    // a failed dial forgets who waited for it
	MoveHandedOut Mutant = "move-handed-out" // a reply that the caller has begun to read is asked for again
	MoveFixed     Mutant = "move-fixed"      // what must not be sent twice is
	MoveForEver   Mutant = "move-for-ever"   // there is no limit to moves
	KeepBoth      Mutant = "keep-both"       // two channels may have one slot
	KeepStale     Mutant = "keep-stale"      // a new incarnation resets nothing
	FailAtOnce    Mutant = "fail-at-once"    // a lost channel fails what was on it
	NoRedial      Mutant = "no-redial"       // who is down is not dialled again
)

// Mutants are all the broken ones.
var Mutants = []Mutant{
	LateReply, LoseWaiting, MoveHandedOut, MoveFixed, MoveForEver, KeepBoth, KeepStale, FailAtOnce, NoRedial,
}

func (v Mutant) mutants() link.Mutants {
	return link.Mutants{
		LoseWaiting: v == LoseWaiting,
		MoveFixed:   v == MoveFixed,
		MoveForEver: v == MoveForEver,
		KeepBoth:    v == KeepBoth,
		KeepStale:   v == KeepStale,
		FailAtOnce:  v == FailAtOnce,
		NoRedial:    v == NoRedial,
	}
}
