package object

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
)

// Inquiry is a replica's search for evidence for a record whose time is ahead of the
// replica's clock and of all that the replica holds. It asks the other owners of the
// object for their votes; one that holds a time as high is enough.
type Inquiry struct {
	at     int64 // time of the record's version
	owners int   // number of owners asked
	open   int   // owners without an answer
	silent int   // owners that could not be asked
	held   int64 // the evidence
	found  bool
}

// NewInquiry begins an inquiry; owners is the number of owners asked.
func NewInquiry(at int64, owners int) Inquiry {
	return Inquiry{at: at, owners: owners, open: owners}
}

// Answer counts one owner's vote; nil means that the owner could not be asked.
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

// Result returns the evidence, once Done. Without evidence the record is not stored:
// the error is ClockAhead if every owner answered that it holds no time as high, and
// Busy if some owner could not be asked, which may hold the evidence. Nothing was
// applied then, and the sender may try again.
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

// askAgain is how long a sender should wait before it sends its record, which may be
// long, again.
const askAgain = 500 * time.Millisecond
