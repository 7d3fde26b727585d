package object

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
)

// Inquiry is a replica's search for evidence: a record came whose time is ahead
// of the replica's clock and explained by nothing that the replica holds. The
// other owners of the object are asked for their votes, and one that holds a
// time as high is enough.
type Inquiry struct {
	at     int64 // time of the record's version
	owners int   // that are asked
	open   int   // of these, without an answer
	silent int   // of these, that could not be asked
	held   int64 // the evidence
	found  bool
}

// NewInquiry begins; owners is how many are asked.
func NewInquiry(at int64, owners int) Inquiry {
	return Inquiry{at: at, owners: owners, open: owners}
}

// Answer counts one owner's vote; nil says that this owner could not be asked.
func (q *Inquiry) Answer(v *record.Vote) {
	q.open--
	switch {
	case v == nil:
		q.silent++
	case version.Explains(v.Seen().Time, q.at):
		q.found, q.held = true, max(q.held, v.Seen().Time)
	}
}

// Done reports whether the inquiry has ended: with the first evidence, or with
// the last answer.
func (q *Inquiry) Done() bool { return q.found || q.open <= 0 }

// Result is the evidence, once Done. Without evidence the record is not kept:
// the error is ClockAhead when every owner has said that it holds no time as
// high. When some could not be asked it is Busy, for the evidence may be
// theirs: nothing was done, and the sender asks again as long as it likes.
func (q *Inquiry) Result(now int64) (held int64, err error) {
	ahead := time.Duration(q.at - now).Round(time.Second)
	switch {
	case q.found:
		return q.held, nil
	case q.silent > 0 && !mutant.On(mutant.SilenceIsNo):
		return 0, &foci.Error{
			Kind: foci.Busy, RetryAfter: askAgain, Fix: "set the clocks; see foci nodes for what is down",
			Msg: "the version is " + ahead.String() + " ahead of this replica's clock, and not every other owner could be asked whether it holds one as high",
		}
	default:
		return 0, &foci.Error{
			Kind: foci.ClockAhead, Fix: "set the clocks",
			Msg: "the version is " + ahead.String() + " ahead of this replica's clock, and no owner of the object holds one as high",
		}
	}
}

// askAgain is how long a sender should wait while an owner cannot be asked: its
// record may be long.
const askAgain = 500 * time.Millisecond
