package txn

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/story"
)

// TestStories plays testdata/stories. In a story, an unindented line is an
// event, beginning with its time (or "due"); the indented lines below it are exactly the
// effects that it must have.
//
//	route x a [via f] | route x none | route x away a [D]  before the first event: how targets resolve
//	T up|down NODE · T routes                              (after a route line) · T tick · T close
//	T put|get LEG TARGET [size=N] [stall=D] [resends=N] [deadline=D]
//	T sent LEG ATTEMPT CHANNEL TABLE · T reply LEG ATTEMPT · T have LEG ATTEMPT no|storing|stored|conflict
//	T progress LEG ATTEMPT
//	T fail LEG ATTEMPT KIND [D|moved] · T cancel LEG
//	T wake D|never                                         when the machine wants its next tick
//	T pending                                              what it holds
func TestStories(t *testing.T) {
	story.Run(t, func(s *story.Story) func([]string) []string { return newPlayer(s).event })
}

type player struct {
	*story.Story
	m     *Machine
	cfg   Config
	ways  map[byte]func() (Path, error) // by first byte of the target's id
	legs  map[string]LegID
	ended map[string]bool
	names map[string]string // short ids of nodes
}

func newPlayer(t *story.Story) *player {
	s := &player{Story: t, ways: map[byte]func() (Path, error){}, legs: map[string]LegID{}, ended: map[string]bool{}, names: map[string]string{}}
	s.cfg.Route = func(to Target, _ foci.Class) (Path, error) {
		if way := s.ways[to.ID[0]]; way != nil {
			return way()
		}
		return Path{}, foci.Errorf(foci.NotReady, "no layout")
	}
	return s
}

func (s *player) event(words []string) []string {
	s.T.Helper()
	switch words[0] {
	case "config":
		for _, w := range words[1:] {
			s.option(w)
		}
		return nil
	case "route":
		s.route(words[1:])
		return nil
	}
	if s.m == nil {
		s.m = New(s.cfg)
	}
	now := s.AtWake(words[0], s.m.NextWake)
	var effects []Effect
	switch words[1] {
	case "up":
		effects = s.m.PeerUp(nil, now, s.node(words[2]))
	case "down":
		effects = s.m.PeerDown(nil, now, s.node(words[2]))
	case "routes":
		effects = s.m.RouteChanged(nil, now)
	case "tick":
		effects = s.m.Tick(nil, now)
	case "close":
		effects = s.m.Close(nil, now)
	case "wake":
		return []string{story.Wake(s.m.NextWake())}
	case "pending":
		return s.pending(now)
	case "put", "get":
		return s.submit(now, words[1:])
	default:
		effects = s.answer(now, words[1:])
	}
	return s.render(effects)
}

func (s *player) answer(now time.Duration, words []string) []Effect {
	id, ok := s.legs[words[1]]
	if !ok {
		s.T.Fatalf("%v: no such leg", words)
	}
	if words[0] == "cancel" {
		return s.m.Cancel(nil, now, id)
	}
	n := uint32(s.Number(words[2]))
	switch words[0] {
	case "sent":
		s.m.Sent(id, n, Channel(s.Number(words[3])), foci.Table(s.Number(words[4])))
		return nil
	case "progress":
		s.m.Progress(now, id, n)
		return nil
	case "reply":
		return s.m.Delivered(nil, now, id, n, &Delivery{Fate: Answered, Msg: &wire.StoreReply{}})
	case "have":
		states := map[string]wire.HaveState{"no": wire.HaveNo, "storing": wire.HaveInProgress, "stored": wire.HaveStored, "conflict": wire.HaveConflict}
		state, ok := states[words[3]]
		if !ok {
			s.T.Fatalf("%v: no such answer", words)
		}
		return s.m.Delivered(nil, now, id, n, &Delivery{Fate: Answered, Msg: &wire.HaveReply{State: state}})
	case "fail":
		d := failure(&foci.Error{Kind: s.Kind(words[3])})
		switch {
		case len(words) < 5:
		case words[4] == "moved":
			d.Moved = true
		default:
			d.Err.(*foci.Error).RetryAfter = s.Duration(words[4])
		}
		return s.m.Delivered(nil, now, id, n, d)
	}
	s.T.Fatalf("%v: no such event", words)
	return nil
}

// failure is what a link says of an attempt that ended with an error.
func failure(err *foci.Error) *Delivery {
	switch err.Kind {
	case foci.Closed:
		return &Delivery{Fate: Lost, Err: err}
	case foci.NoRoute:
		return &Delivery{Fate: NotSent, Err: err}
	case foci.Unreachable:
		return &Delivery{Fate: Lost, Relayed: true, Err: err}
	}
	return &Delivery{Fate: Refused, Err: err}
}

func (s *player) submit(now time.Duration, words []string) []string {
	leg := Leg{Mutation: words[0] == "put", CanAsk: words[0] == "put", Class: foci.Reg, Deadline: 30 * time.Second, Ref: words[1]}
	leg.Target.ID[0] = words[2][0]
	for _, w := range words[3:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "size":
			leg.Size = s.Number(value)
		case "stall":
			leg.Stall = s.Duration(value)
		case "resends":
			leg.Resends = s.Number(value)
		case "deadline":
			leg.Deadline = s.Duration(value)
		default:
			s.T.Fatalf("%v: no such option", w)
		}
	}
	effects, id, err := s.m.Submit(nil, now, leg)
	if err != nil {
		if len(effects) > 0 || id != 0 {
			s.T.Errorf("%v: refused, but with effects %v", words, effects)
		}
		return []string{"refused: " + foci.KindOf(err).String()}
	}
	s.legs[words[1]] = id
	return s.render(effects)
}

func (s *player) render(effects []Effect) []string {
	var lines []string
	for _, e := range effects {
		leg := e.Ref.(string)
		if s.legs[leg] != 0 && s.legs[leg] != e.Leg {
			s.T.Errorf("effect of %v carries the id %v, want %v", leg, e.Leg, s.legs[leg])
		}
		if s.ended[leg] {
			s.T.Errorf("%v: an effect after its end: %+v", leg, e)
		}
		verb := map[Action]string{Transmit: "transmit", Ask: "ask", Finish: "finish"}[e.Do]
		if e.Do == Finish {
			s.ended[leg] = true
			lines = append(lines, verb+" "+leg+": "+s.outcome(e.Outcome))
			continue
		}
		line := fmt.Sprintf("%s %s #%d to %s", verb, leg, e.Attempt, s.name(e.Peer))
		if !e.Relay.IsZero() {
			line += " via " + s.name(e.Relay)
		}
		if e.Avoid != 0 {
			line += fmt.Sprintf(", not by channel %d", e.Avoid)
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *player) outcome(o Outcome) string {
	switch {
	case o.Stored:
		return "stored"
	case o.Err == nil:
		return "done"
	}
	text := foci.KindOf(o.Err).String()
	if o.MayApply {
		text += ", may apply"
	}
	var h *History
	if !errors.As(o.Err, &h) {
		s.T.Errorf("the error %v has no history", o.Err)
		return text
	}
	text += "; " + h.Error()
	for short, name := range s.names {
		text = strings.ReplaceAll(text, short, name)
	}
	return text
}

func (s *player) pending(now time.Duration) []string {
	lines := []string{fmt.Sprintf("%d legs, %d bytes", s.m.Len(), s.m.Bytes())}
	for p := range s.m.Pending(now) {
		lines = append(lines, fmt.Sprintf("%v: %s, %s, %d bytes, peer %s, table %d, age %v, %d attempts, %d left",
			p.Ref, p.Class, p.State, p.Size, s.name(p.Peer), p.Table, p.Age, p.Attempts, p.Left))
	}
	return lines
}

func (s *player) option(w string) {
	name, value, _ := strings.Cut(w, "=")
	switch name {
	case "stall":
		s.cfg.Stall = s.Duration(value)
	case "resends":
		s.cfg.Resends = s.Number(value)
	case "legs":
		s.cfg.MaxLegs = s.Number(value)
	case "bytes":
		s.cfg.MaxBytes = int64(s.Number(value))
	default:
		s.T.Fatalf("%v: no such option", w)
	}
}

func (s *player) route(words []string) {
	target := words[0][0]
	path := Path{}
	var err error
	switch words[1] {
	case "none":
		err = foci.Errorf(foci.NoRoute, "no table in common")
	case "away":
		away := &foci.Error{Kind: foci.Unreachable, Msg: "away"}
		if len(words) > 3 {
			away.RetryAfter = s.Duration(words[3])
		}
		path.Peer, err = s.node(words[2]), away
	default:
		path.Peer = s.node(words[1])
		if len(words) > 2 {
			path.Relay = s.node(words[3])
		}
	}
	s.ways[target] = func() (Path, error) { return path, err }
}

func (s *player) node(name string) foci.NodeID {
	var id foci.NodeID
	copy(id[:], "node")
	id[3] = name[0]
	s.names[id.Short()] = name
	return id
}

func (s *player) name(id foci.NodeID) string {
	if n, ok := s.names[id.Short()]; ok {
		return n
	}
	return "none"
}
