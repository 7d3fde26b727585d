package operation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/story"
)

// TestStories plays testdata/stories: one process and the nodes a, b and c, which
// own the groups 1, 2 and 3. In a story, an unindented line is an event, beginning
// with its time (or "due"); the indented lines below it are exactly the effects
// that it must have.
//
//	config [stall=D] [resends=N]                           before the first event
//	T up|down NODE · T tick · T close
//	T put|get|ask OP [deadline=D] [hedge=D] [reread=N] [level=one|all]
//	                  a Write, an Any of one record, a Single of node a
//	T sent ATTEMPT CHANNEL · T moves ATTEMPT
//	T ok|lost|unsent|relaylost ATTEMPT · T refused ATTEMPT KIND [EPOCH] · T have ATTEMPT no|storing|stored
//	T replan OP EPOCH · T giveup OP
//	T wake                                                 when the machine wants its next tick
//
// An attempt is named by its operation, method, group and number, as in w.store.2#1;
// a hint says of which group it is, as in w.hint-of-3.1#1.
func TestStories(t *testing.T) {
	story.Run(t, func(s *story.Story) func([]string) []string { return newPlayer(s).event })
}

type player struct {
	*story.Story
	m        *Machine
	cfg      Config
	epoch    foci.Epoch
	ops      map[string]*Operation
	results  map[string]func() error
	attempts map[string]*Attempt
	over     map[string]string // operations that are answered or idle
}

func newPlayer(t *story.Story) *player {
	s := &player{Story: t, epoch: 1, ops: map[string]*Operation{}, results: map[string]func() error{}, attempts: map[string]*Attempt{}, over: map[string]string{}}
	s.cfg.Txn.Route = func(to txn.Target, _ foci.Class) (txn.Path, error) {
		return txn.Path{Peer: foci.NodeID{byte(to.Group)}}, nil
	}
	return s
}

func (s *player) event(words []string) []string {
	s.T.Helper()
	if words[0] == "config" {
		for name, value := range story.Options(words[1:]) {
			switch name {
			case "stall":
				s.cfg.Txn.Stall = s.Duration(value)
			case "resends":
				s.cfg.Txn.Resends = s.Number(value)
			}
		}
		return nil
	}
	if s.m == nil {
		s.m = New(s.cfg)
	}
	now := s.AtWake(words[0], s.m.NextWake)
	var out []Effect
	switch verb := words[1]; verb {
	case "up":
		out = s.m.PeerUp(nil, now, s.node(words[2]))
	case "down":
		out = s.m.PeerDown(nil, now, s.node(words[2]))
	case "tick":
		out = s.m.Tick(nil, now)
	case "close":
		out = s.m.Close(nil, now)
	case "wake":
		return []string{story.Wake(s.m.NextWake())}
	case "put", "get", "ask":
		return s.render(s.start(verb, words[2], story.Options(words[3:])), words[2])
	case "replan":
		s.epoch = foci.Epoch(s.Number(words[3]))
		out = s.m.Replan(nil, now, s.ops[words[2]], s.plan())
	case "giveup":
		out = s.m.GiveUp(nil, now, s.ops[words[2]])
	default:
		out = s.attempt(verb, words[2], words[3:])
	}
	return s.render(out, "")
}

func (s *player) plan() quorum.Plan {
	return quorum.Plan{Epoch: s.epoch, Groups: []foci.Group{1, 2, 3}}
}

func (s *player) start(verb, name string, options map[string]string) []Effect {
	nonce := uint64(0)
	op := Op{Class: foci.Reg, Deadline: s.Now + 10*time.Second, Ref: name}
	cfg := quorum.Config{
		Plan: s.plan(), Hedge: time.Second, Clock: func() int64 { return 1000 },
		Nonce: func() uint64 { nonce++; return nonce },
	}
	for o, value := range options {
		switch o {
		case "deadline":
			op.Deadline = s.Duration(value)
		case "hedge":
			cfg.Hedge = s.Duration(value)
		case "reread":
			op.Reread = int64(s.Number(value))
		case "level":
			cfg.Level = map[string]foci.Level{"one": foci.One, "all": foci.All}[value]
		default:
			s.T.Fatalf("no option %q", o)
		}
	}
	cfg.Deadline = op.Deadline
	id := foci.ObjectID(foci.Name{Bucket: "books", Key: name})
	switch verb {
	case "put":
		rec := record.Record{ID: id, Name: foci.Name{Bucket: "books", Key: name}, Payload: []byte("x")}
		rec.Op, rec.Size = record.OpPut, 1
		if op.Reread > 0 {
			rec.Payload, rec.Size, rec.Length = nil, uint64(op.Reread), uint32(op.Reread)
		} else {
			rec.Seal()
		}
		w := quorum.NewWrite(cfg, rec)
		op.Quorum, s.results[name] = w, func() error { _, err := w.Result(); return err }
	case "get":
		y := quorum.NewAny(cfg, wire.Fetch{ID: id, Limit: 1, MaxBytes: 1 << 20})
		op.Quorum, s.results[name] = y, func() error { _, _, err := y.Result(); return err }
	case "ask":
		q := quorum.NewSingle(1, &wire.Query{Target: wire.Target{Epoch: s.epoch, Group: 1}, ID: id})
		op.Quorum, s.results[name] = q, func() error { return q.Result().Err }
	}
	out, o := s.m.Start(nil, s.Now, op)
	s.ops[name] = o
	return out
}

// attempt tells of an attempt.
func (s *player) attempt(verb, name string, words []string) []Effect {
	s.T.Helper()
	a := s.attempts[name]
	if a == nil {
		s.T.Fatalf("%s: no such attempt is out", name)
	}
	err := foci.Errorf(foci.Unreachable, "%s", verb)
	var d txn.Delivery
	switch verb {
	case "sent":
		s.m.Sent(a, txn.Channel(s.Number(words[0])), 0, 0)
		return nil
	case "moves":
		if !slices.Contains(s.m.Look(s.Now), a) {
			s.T.Fatalf("%s is not looked at", name)
		}
		s.m.Progress(s.Now, a, a.moved+1, 0)
		return nil
	case "ok":
		d = txn.Delivery{Fate: txn.Answered, Msg: s.reply(a.Msg)}
	case "have":
		states := map[string]wire.HaveState{"no": wire.HaveNo, "storing": wire.HaveInProgress, "stored": wire.HaveStored}
		d = txn.Delivery{Fate: txn.Answered, Msg: &wire.HaveReply{Epoch: s.epoch, State: states[words[0]]}}
	case "lost":
		d = txn.Delivery{Fate: txn.Lost, Err: err}
	case "relaylost":
		d = txn.Delivery{Fate: txn.Lost, Relayed: true, Err: err}
	case "unsent":
		d = txn.Delivery{Fate: txn.NotSent, Err: err}
	case "canceled":
		d = txn.Delivery{Fate: txn.Lost, Err: foci.Errorf(foci.Canceled, "not wanted")}
	case "refused":
		d = txn.Delivery{Fate: txn.Refused, Err: foci.Errorf(s.Kind(words[0]), "no")}
		if len(words) > 1 {
			d.Epoch = foci.Epoch(s.Number(words[1]))
		}
	default:
		s.T.Fatalf("%q: no such event", verb)
	}
	delete(s.attempts, name)
	return s.m.Delivered(nil, s.Now, a, &d)
}

func (s *player) reply(asked codec.Message) codec.Message {
	switch asked.(type) {
	case *wire.Query:
		return &wire.QueryReply{Epoch: s.epoch, Clock: 1000}
	case *wire.Store:
		return &wire.StoreReply{Epoch: s.epoch}
	case *wire.Hint:
		return &wire.HintReply{Epoch: s.epoch}
	}
	return &wire.FetchReply{Epoch: s.epoch, Entries: make([]wire.FetchedEntry, 1)}
}

// render says what the effects are; started is the operation that began, if any.
func (s *player) render(out []Effect, started string) []string {
	var lines []string
	for _, e := range out {
		o := e.Op
		if e.Attempt != nil {
			o = e.Attempt.Op
		}
		op := o.Ref.(string)
		switch e.Do {
		case Send:
			lines = append(lines, s.sends(op, e.Attempt))
		case Cancel:
			lines = append(lines, "cancel "+s.name(op, e.Attempt))
		case NeedLayout:
			lines = append(lines, fmt.Sprintf("need layout %d for %s", e.Epoch, op))
		case Answer:
			s.once(op, "", "answered")
			lines = append(lines, "answer "+op+": "+s.result(op))
		case Idle:
			s.once(op, "answered", "idle")
			lines = append(lines, "idle "+op)
		}
	}
	if len(lines) == 0 && started != "" {
		s.T.Errorf("%s: nothing happens", started)
	}
	return lines
}

// once moves an operation on to its next state, which it reaches once.
func (s *player) once(op, from, to string) {
	if s.over[op] != from {
		s.T.Errorf("%s: %s, it was %q before", op, to, s.over[op])
	}
	s.over[op] = to
}

func (s *player) sends(op string, a *Attempt) string {
	name := s.name(op, a)
	if s.attempts[name] != nil || s.over[op] == "idle" {
		s.T.Errorf("%s is sent twice, or of an idle operation", name)
	}
	s.attempts[name] = a
	line := fmt.Sprintf("send %s to %s", name, string('a'+rune(a.Peer[0])-1))
	if a.Reread {
		line += ", its payload read anew"
	}
	if a.Avoid != 0 {
		line += fmt.Sprintf(", not by channel %d", a.Avoid)
	}
	return line
}

func (s *player) name(op string, a *Attempt) string {
	method := a.Method.String()
	if h, ok := a.Msg.(*wire.Hint); ok {
		method += fmt.Sprintf("-of-%d", h.Missed)
	}
	return fmt.Sprintf("%s.%s.%d#%d", op, method, a.Group(), a.Number)
}

// result is how an operation ended, with what its replicas said.
func (s *player) result(op string) string {
	err := s.results[op]()
	if err == nil {
		return "done"
	}
	text := foci.KindOf(err).String()
	if e, ok := err.(*foci.Error); ok {
		if all, ok := e.Err.(foci.Replicas); ok {
			for _, r := range all {
				said := "ok"
				if r.Err != nil {
					said = foci.KindOf(r.Err).String()
				}
				text += fmt.Sprintf("; %d %s", r.Group, said)
			}
		}
	}
	return text
}

func (s *player) node(name string) foci.NodeID { return foci.NodeID{name[0] - 'a' + 1} }
