package quorum

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// story drives one machine by hand and reads like what happened: the questions
// that it asks are expected in words, and answered one by one.
type story struct {
	t      *testing.T
	m      machine
	now    time.Duration
	epoch  foci.Epoch
	open   []Ask    // unanswered, in order
	fresh  []string // asked since the last expectation
	wake   time.Duration
	layout foci.Epoch
	ends   int
}

type machine interface {
	Start(now time.Duration) Out
	Answer(now time.Duration, l Leg, a Answer) Out
	Wake(now time.Duration) Out
	Replan(now time.Duration, p Plan) Out
	Idle() bool
}

const (
	hedge    = 10 * time.Millisecond
	deadline = time.Second
)

// config is for three groups, nearest first 1, 2, 3.
func config() Config {
	nonce := uint64(0)
	return Config{
		Plan: Plan{Epoch: 1, Groups: []foci.Group{1, 2, 3}}, Hedge: hedge, Deadline: deadline,
		Clock: func() int64 { return 1000 },
		Nonce: func() uint64 { nonce++; return nonce },
	}
}

func begin(t *testing.T, m machine) *story {
	s := &story{t: t, m: m, epoch: 1}
	s.take(m.Start(0))
	return s
}

func (s *story) take(o Out) {
	for _, a := range o.Asks {
		s.open = append(s.open, a)
		s.fresh = append(s.fresh, words(a))
	}
	if o.Layout != 0 {
		s.layout = o.Layout
	}
	if o.Done {
		s.ends++
	}
	s.wake = o.Wake
}

// words says what is asked of whom: query, log (entries alone), fetch
// (content), store, repair, hint (with the group that missed something), bring.
func words(a Ask) string {
	what := ""
	switch m := a.Msg.(type) {
	case *wire.Query:
		what = "query"
	case *wire.Fetch:
		what = "fetch"
		if m.MaxBytes == 0 {
			what = "log"
		}
	case *wire.Store:
		what = "store"
		if m.Repair {
			what = "repair"
		}
	case *wire.Hint:
		if m.Now {
			return fmt.Sprintf("bring %d to %d", a.Group, m.Missed)
		}
		return fmt.Sprintf("hint %d of %d", a.Group, m.Missed)
	}
	return fmt.Sprintf("%s %d", what, a.Group)
}

// asks expects exactly these questions since the last time.
func (s *story) asks(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.fresh, want) {
		s.t.Fatalf("asked %q, want %q", s.fresh, want)
	}
	s.fresh = nil
}

// pending is the oldest unanswered question in these words.
func (s *story) pending(what string) Ask {
	s.t.Helper()
	for _, a := range s.open {
		if words(a) == what {
			return a
		}
	}
	s.t.Fatalf("%q was not asked, or answered: %v", what, s.open)
	return Ask{}
}

// answer answers the oldest unanswered question in these words.
func (s *story) answer(what string, a Answer) {
	s.t.Helper()
	q := s.pending(what)
	s.open = slices.DeleteFunc(s.open, func(o Ask) bool { return o.Leg == q.Leg })
	s.take(s.m.Answer(s.now, q.Leg, a))
}

func (s *story) vote(what string, v record.Vote) {
	s.t.Helper()
	s.answer(what, Answer{Msg: &wire.QueryReply{Epoch: s.epoch, Clock: 1000, Vote: v}})
}

func (s *story) ack(what string) {
	s.t.Helper()
	s.answer(what, Answer{Msg: &wire.StoreReply{Epoch: s.epoch}})
}

func (s *story) fails(what string, k foci.Kind) {
	s.t.Helper()
	s.answer(what, Answer{Err: foci.Errorf(k, "%s", what)})
}

// page answers with entries and, to a fetch, their content.
func (s *story) page(what string, more bool, recs ...record.Record) {
	s.t.Helper()
	f := s.pending(what).Msg.(*wire.Fetch)
	m := &wire.FetchReply{Epoch: s.epoch, Name: name, More: more}
	var body []byte
	for _, r := range recs {
		e := wire.FetchedEntry{Entry: r.Entry}
		if f.MaxBytes > 0 {
			e.Bytes, e.Meta = r.Length, r.Meta
			body = append(body, r.Payload...)
		}
		m.Entries = append(m.Entries, e)
	}
	s.answer(what, Answer{Msg: m, Body: body})
}

// passes lets time pass and wakes the machine if it asked for it.
func (s *story) passes(d time.Duration) {
	s.now += d
	for s.wake != 0 && s.wake <= s.now {
		s.take(s.m.Wake(s.now))
	}
}

// arriving lets time pass in which a part of an answer came.
func (s *story) arriving(d time.Duration) {
	s.now += d
	if s.wake != 0 && s.wake <= s.now {
		s.m.(*Any).Arriving(s.now)
		s.take(s.m.Wake(s.now))
	}
}

// ended expects that the caller has been answered, once; going that he has not.
func (s *story) ended() {
	s.t.Helper()
	if s.ends != 1 {
		s.t.Fatalf("the caller was answered %d times, want once", s.ends)
	}
}

func (s *story) going() {
	s.t.Helper()
	if s.ends != 0 {
		s.t.Fatal("the caller was answered too early")
	}
}

// failed expects the operation to have ended with an error of a kind.
func (s *story) failed(err error, k foci.Kind) {
	s.t.Helper()
	s.ended()
	if err == nil || foci.KindOf(err) != k {
		s.t.Fatalf("ended with %v, want %v", err, k)
	}
}

var name = foci.Name{Bucket: "books", Key: "emma"}

// at is the version of time t.
func at(t int64) foci.Version { return foci.Version{Time: t, Nonce: 7} }

// rec is a record of the object at time t.
func rec(op record.Op, t int64, payload string) record.Record {
	r := record.Record{ID: foci.ObjectID(name), Name: name, Payload: []byte(payload)}
	r.Op, r.Version, r.Size = op, at(t), uint64(len(payload))
	r.Seal()
	return r
}

// voteOf is the vote of a replica that holds these, in version order.
func voteOf(recs ...record.Record) record.Vote {
	var v record.Vote
	for i := range recs {
		e := &recs[i].Entry
		if e.Op.IsBase() {
			v = record.Vote{Base: e.Version, BaseOp: e.Op}
		}
		v.Count++
		v.Sum = v.Sum.Add(e.Sum())
		v.Size += e.Size
		v.Newest = e.Version
	}
	return v
}
