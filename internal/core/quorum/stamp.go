package quorum

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/version"
)

// Stamp makes a version for records without an order, the chunks of an upload (promise
// P0). It asks a quorum for its clocks, by a version query: a replica refuses times ahead
// of its clock, so the caller's clock is not enough.
type Stamp struct {
	op
	query   versionQuery
	version foci.Version
}

// NewStamp makes the machine; the owners of id are asked.
func NewStamp(cfg Config, id foci.ID) *Stamp {
	return &Stamp{op: op{cfg: cfg}, query: versionQuery{id: id}}
}

// Start begins.
func (s *Stamp) Start(now time.Duration) Out {
	s.query.start(&s.op, now, s.cfg.Plan.Groups)
	return s.give()
}

// Answer ends a leg.
func (s *Stamp) Answer(now time.Duration, leg Leg, a Answer) Out {
	g, current := s.observe(leg, &a)
	if !current || s.done || s.awaiting != 0 || s.stale(&a) {
		return s.give()
	}
	switch enough, err := s.query.answer(&s.op, now, g, &a); {
	case err != nil:
		s.finish(err)
	case enough:
		// Chunks need not be newer than any version seen.
		s.version, err = version.Next(foci.Version{}, s.cfg.Clock(), s.query.clocks(), s.cfg.Nonce())
		s.finish(err)
	}
	return s.give()
}

// Wake handles the time of Out.Wake.
func (s *Stamp) Wake(now time.Duration) Out {
	s.query.wake(&s.op, now)
	return s.give()
}

// Replan takes a newer layout and asks the groups again.
func (s *Stamp) Replan(now time.Duration, p Plan) Out {
	if s.replan(p) {
		s.query.start(&s.op, now, p.Groups)
	}
	return s.give()
}

// Result is the version, once Done.
func (s *Stamp) Result() (foci.Version, error) { return s.version, s.err }

func (s *Stamp) give() Out {
	s.wakeAt(s.query.next(&s.op))
	return s.take()
}
