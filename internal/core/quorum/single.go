package quorum

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Single sends one request to one replica and returns its answer. There is no quorum,
// and the caller handles StaleLayout.
type Single struct {
	msg    codec.Message
	group  foci.Group
	answer Answer
	done   bool
}

// NewSingle makes the machine. The request already has its target.
func NewSingle(g foci.Group, m codec.Message) *Single { return &Single{msg: m, group: g} }

// Start begins.
func (s *Single) Start(time.Duration) Out {
	return Out{Asks: []Ask{{Group: s.group, Msg: s.msg}}}
}

// Answer ends it.
func (s *Single) Answer(_ time.Duration, _ Leg, a Answer) Out {
	if s.done {
		return Out{}
	}
	s.answer, s.done = a, true
	return Out{Done: true}
}

// Wake does nothing: the leg has its own deadline.
func (s *Single) Wake(time.Duration) Out { return Out{} }

// Replan does nothing: the request names its layout.
func (s *Single) Replan(time.Duration, Plan) Out { return Out{} }

// Idle reports whether it was answered.
func (s *Single) Idle() bool { return s.done }

// Result is the answer, once Done.
func (s *Single) Result() Answer { return s.answer }
