package sim

import (
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/sim/mesh"
)

// Mutant is a protocol with one rule turned off. Each was once believed harmless.
type Mutant string

// The mutants.
const (
	Correct             Mutant = ""
	AckBeforeSync       Mutant = "ack-before-sync"       // one replica acknowledges before its fsync
	ReadBeforeSync      Mutant = "read-before-sync"      // a record can be read before its fsync
	NoWriteBack         Mutant = "no-write-back"         // a read returns although votes differ
	OneRound            Mutant = "one-round"             // last writer wins, by the clock
	SharedVersions      Mutant = "shared-versions"       // two transactions may draw the same nonce
	NewestOnly          Mutant = "newest-only"           // votes are compared by newest version
	TwoEpochs           Mutant = "two-epochs"            // votes of two layouts in one quorum
	NoContentHash       Mutant = "no-content-hash"       // equal versions are taken for equal content
	RepairPastWatermark Mutant = "repair-past-watermark" // write-backs do not carry the watermark
	UnsettledWatermarks Mutant = "unsettled-watermarks"  // a vote may be older than the watermark beside it
	ForgetAttempts      Mutant = "forget-attempts"       // only the last sending of a record counts
	HintIsVote          Mutant = "hint-is-vote"          // a hint counts as the acknowledgement of the group that it is for
	RelayAcks           Mutant = "relay-acks"            // a relay acknowledges a request that it has only sent on
	LossIsRefusal       Mutant = "loss-is-refusal"       // a relay that loses the owner says that nothing was done
	MovedIsOnce         Mutant = "moved-is-once"         // a refusal of a request that was sent twice is taken for both copies
	SeenBelieved        Mutant = "seen-believed"         // what a sender claims to have seen is evidence for its version's time
	RepairUnchecked     Mutant = "repair-unchecked"      // the time of a repair is not checked
	OwnersNotAsked      Mutant = "owners-not-asked"      // a replica without evidence does not ask the other owners

	LateReply     Mutant = "late-reply"      // a lost channel still delivers what comes
	LoseWaiting   Mutant = "lose-waiting"    // a failed dial forgets the requests that waited for it
	MoveHandedOut Mutant = "move-handed-out" // a reply that the caller has begun to read is asked for again
	MoveFixed     Mutant = "move-fixed"      // a request that must not be sent twice is sent twice
	MoveForEver   Mutant = "move-for-ever"   // there is no limit to moves
	KeepBoth      Mutant = "keep-both"       // two channels may have one slot
	KeepStale     Mutant = "keep-stale"      // a new incarnation resets nothing
	FailAtOnce    Mutant = "fail-at-once"    // a lost channel fails what was on it
	NoRedial      Mutant = "no-redial"       // a peer that is down is not dialled again
)

// Mutants lists all mutants.
var Mutants = []Mutant{
	AckBeforeSync, ReadBeforeSync, NoWriteBack, OneRound, SharedVersions, NewestOnly, TwoEpochs, NoContentHash, RepairPastWatermark,
	UnsettledWatermarks, ForgetAttempts, HintIsVote, RelayAcks, LossIsRefusal, MovedIsOnce,
	SeenBelieved, RepairUnchecked, OwnersNotAsked,
	LateReply, LoseWaiting, MoveHandedOut, MoveFixed, MoveForEver, KeepBoth, KeepStale, FailAtOnce, NoRedial,
}

// operations returns the mutants of operations that v switches on.
func (v Mutant) operations() quorum.Mutants {
	return quorum.Mutants{
		OneRound:    v == OneRound,
		NoWriteBack: v == NoWriteBack,
		NewestOnly:  v == NewestOnly,
		KeepVotes:   v == TwoEpochs,
		HintVotes:   v == HintIsVote,

		UnsettledWatermarks: v == UnsettledWatermarks,
	}
}

// links returns the mutants of links that v switches on.
func (v Mutant) links() mesh.Mutants {
	return mesh.Mutants{
		LateReply:     v == LateReply,
		MoveHandedOut: v == MoveHandedOut,
		Mutants: link.Mutants{
			LoseWaiting: v == LoseWaiting,
			MoveFixed:   v == MoveFixed,
			MoveForEver: v == MoveForEver,
			KeepBoth:    v == KeepBoth,
			KeepStale:   v == KeepStale,
			FailAtOnce:  v == FailAtOnce,
			NoRedial:    v == NoRedial,
		},
	}
}
