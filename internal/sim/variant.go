package sim

import "github.com/foci-store/foci/internal/core/quorum"

// Variant is a protocol with one rule turned off. Each of them was believed
// harmless by somebody once.
type Variant string

// The variants.
const (
	Correct         Variant = ""
	AckBeforeSync   Variant = "ack-before-sync"   // one replica acknowledges before its fsync
	ReadBeforeSync  Variant = "read-before-sync"  // a record can be read before its fsync
	NoWriteBack     Variant = "no-write-back"     // a read answers although votes differ
	OneRound        Variant = "one-round"         // last writer wins, by the clock
	SharedVersions  Variant = "shared-versions"   // two transactions may draw the same nonce
	NewestOnly      Variant = "newest-only"       // votes are compared by newest version
	TwoEpochs       Variant = "two-epochs"        // votes of two layouts in one quorum
	NoContentHash   Variant = "no-content-hash"   // a version is taken for its content
	RepairPastFloor Variant = "repair-past-floor" // write-backs do not carry the floor
	UnsettledFloors Variant = "unsettled-floors"  // a vote may be older than the floor beside it
	ForgetAttempts  Variant = "forget-attempts"   // only the last sending of a record counts
	HintIsVote      Variant = "hint-is-vote"      // a hint counts as the acknowledgement of the group that it is for
	ForwarderAcks   Variant = "forwarder-acks"    // a forwarder acknowledges what it has passed on
	LossIsRefusal   Variant = "loss-is-refusal"   // a forwarder that loses the owner says that nothing was done
	MovedIsOnce     Variant = "moved-is-once"     // a refusal of a request that was sent twice is taken for both copies
	SeenBelieved    Variant = "seen-believed"     // what a sender claims to have seen is evidence for its version's time
	RepairUnchecked Variant = "repair-unchecked"  // the time of a repair is not checked
	OwnersNotAsked  Variant = "owners-not-asked"  // a replica without evidence does not ask the other owners
)

// Variants are all the broken ones.
var Variants = []Variant{
	AckBeforeSync, ReadBeforeSync, NoWriteBack, OneRound, SharedVersions, NewestOnly, TwoEpochs, NoContentHash, RepairPastFloor,
	UnsettledFloors, ForgetAttempts, HintIsVote, ForwarderAcks, LossIsRefusal, MovedIsOnce,
	SeenBelieved, RepairUnchecked, OwnersNotAsked,
}

func (v Variant) weaken() quorum.Weaken {
	return quorum.Weaken{
		OneRound:    v == OneRound,
		NoWriteBack: v == NoWriteBack,
		NewestOnly:  v == NewestOnly,
		KeepVotes:   v == TwoEpochs,
		HintVotes:   v == HintIsVote,

		UnsettledFloors: v == UnsettledFloors,
	}
}
