package operation

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
)

// endless asks another question whenever one is answered.
type endless struct {
	asked quorum.Leg
	last  quorum.Leg // ends it
}

func (e *endless) next() quorum.Out {
	if e.asked == e.last {
		return quorum.Out{Done: true}
	}
	e.asked++
	return quorum.Out{Asks: []quorum.Ask{{Leg: e.asked, Group: 1, Msg: &wire.Query{}}}}
}
func (e *endless) Start(time.Duration) quorum.Out                             { return e.next() }
func (e *endless) Answer(time.Duration, quorum.Leg, quorum.Answer) quorum.Out { return e.next() }
func (e *endless) Wake(time.Duration) quorum.Out                              { return quorum.Out{} }

func (e *endless) Replan(time.Duration, quorum.Plan) quorum.Out { return quorum.Out{} }

func (e *endless) Idle() bool { return e.asked == e.last }

// TestEndedLegsAreForgotten: a long operation must not keep the payloads of legs
// that it has done with, nor run ever deeper when they are refused at once.
func TestEndedLegsAreForgotten(t *testing.T) {
	m := New(Config{Txn: txn.Config{Route: func(txn.Target, foci.Class) (txn.Path, error) {
		return txn.Path{}, foci.Errorf(foci.NotReady, "no layout")
	}}})
	out, o := m.Start(nil, 0, Op{Quorum: &endless{last: 1000}, Deadline: time.Hour})
	if len(out) != 2 || out[0].Do != Answer || out[1].Do != Idle {
		t.Fatalf("%+v", out)
	}
	if len(o.legs) > 0 || cap(o.legs) > 1 || len(m.work) > 0 {
		t.Errorf("%d legs are kept, room for %d, %d effects", len(o.legs), cap(o.legs), len(m.work))
	}
}
