package peer

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/layout"
)

// scripted is an operation that does what a test says.
type scripted struct {
	out  quorum.Out
	idle bool
}

func (s *scripted) next() quorum.Out {
	out := s.out
	s.out = quorum.Out{}
	return out
}
func (s *scripted) Start(time.Duration) quorum.Out                             { return s.next() }
func (s *scripted) Answer(time.Duration, quorum.Leg, quorum.Answer) quorum.Out { return s.next() }
func (s *scripted) Wake(time.Duration) quorum.Out                              { return s.next() }
func (s *scripted) Replan(time.Duration, quorum.Plan) quorum.Out               { return s.next() }
func (s *scripted) Idle() bool                                                 { return s.idle }

func alone(t *testing.T) *Peer {
	t.Helper()
	p, err := New(Config{Mesh: mesh.Config{Role: foci.RoleTransport}, Layout: new(layout.Holder)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// TestIdleFollowsDone: the last leg ends while the caller is being answered. The
// payload is not free before that is over.
func TestIdleFollowsDone(t *testing.T) {
	p := alone(t)
	m := &scripted{out: quorum.Out{Done: true}}
	var o *operation
	answered, idle := false, 0
	o = &operation{peer: p, m: m, place: -1, Op: Op{
		Done: func() {
			m.idle = true
			o.event(func(m Machine, now time.Duration) quorum.Out { return m.Answer(now, 0, quorum.Answer{}) })
			if idle > 0 {
				t.Error("idle while the caller is being answered")
			}
			answered = true
		},
		Idle: func() {
			if idle++; !answered {
				t.Error("idle before the caller was answered")
			}
		},
	}}
	o.held.Store(2)
	o.event(Machine.Start)
	if !answered || idle != 1 {
		t.Fatalf("answered: %v, idle %d times", answered, idle)
	}
	if n := p.lingering.Load(); n != 0 {
		t.Errorf("%d operations linger", n)
	}
}

// TestEndedLegIsNotSent: what the machine said before a leg ended is carried out
// after it; then the payload's memory may be in use again already.
func TestEndedLegIsNotSent(t *testing.T) {
	p := alone(t)
	holds := 0
	l := newLeg(&wire.Store{}, foci.Reg)
	l.hold, l.release = func() { holds++ }, func() { holds-- }
	a := &attempt{req: &mesh.Request{Done: func(*mesh.Reply, error) { t.Error("it was sent") }}}
	if !p.begin(l, a) || holds != 1 || len(l.sent) != 1 {
		t.Fatalf("a leg that goes on is not sent: %d holds", holds)
	}
	l.end() // the mesh does not have it yet, so it cannot be cancelled yet
	p.over(l, a)
	if holds != 0 || len(l.sent) != 0 {
		t.Fatalf("%d holds, %d attempts", holds, len(l.sent))
	}
	if p.begin(l, a) || holds != 0 {
		t.Fatal("a leg that has ended is sent")
	}
}

// TestEndedLegsAreForgotten: a long operation must not keep the payloads of legs
// that it has done with.
func TestEndedLegsAreForgotten(t *testing.T) {
	p := alone(t)
	m := &scripted{}
	done := make(chan struct{})
	o := &operation{peer: p, m: m, place: -1, Op: Op{Deadline: p.Now() + time.Hour, Done: func() { close(done) }}}
	o.held.Store(2)
	for i := range 10 {
		m.out = quorum.Out{Asks: []quorum.Ask{{Leg: quorum.Leg(i), Group: 1, Msg: &wire.Query{}}}}
		o.event(Machine.Start) // without a layout each leg ends at once
		if len(o.legs) != 0 {
			t.Fatalf("%d legs are kept", len(o.legs))
		}
	}
	m.out, m.idle = quorum.Out{Done: true}, true
	o.event(Machine.Start)
	<-done
}

// TestAlarm rings at the earliest time asked for, and not once it is closed.
func TestAlarm(t *testing.T) {
	began := time.Now()
	now := func() time.Duration { return time.Since(began) }
	rings := make(chan time.Duration, 10)
	var a *alarm
	a = newAlarm(now, func() {
		rings <- now()
		a.by(time.Hour) // set from within
	})
	a.by(time.Hour)
	a.by(20 * time.Millisecond)
	a.by(30 * time.Millisecond) // later than asked already
	if at := <-rings; at < 20*time.Millisecond || at > 10*time.Second {
		t.Errorf("rang at %v", at)
	}
	a.by(now() - time.Second) // the past
	<-rings
	a.close()
	a.by(0)
	a.fire() // as when the timer had run out a moment before
	select {
	case at := <-rings:
		t.Errorf("rang at %v, after it was closed", at)
	default:
	}
}
