package txn

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

var update = flag.Bool("update", false, "write what happened into the stories")

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
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newStory(t).play(string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("%s: this is what happened:\n%s", file, got)
			}
		})
	}
}

type story struct {
	t     *testing.T
	m     *Machine
	cfg   Config
	now   time.Duration
	ways  map[byte]func() (Hop, error) // by first byte of the target's id
	legs  map[string]LegID
	ended map[string]bool
	names map[string]string // short ids of nodes
}

func newStory(t *testing.T) *story {
	s := &story{t: t, ways: map[byte]func() (Hop, error){}, legs: map[string]LegID{}, ended: map[string]bool{}, names: map[string]string{}}
	s.cfg.Route = func(to Target) (Hop, error) {
		if way := s.ways[to.ID[0]]; way != nil {
			return way()
		}
		return Hop{}, foci.Errorf(foci.NotReady, "no layout")
	}
	return s
}

// play returns the story with its effects as they really were.
func (s *story) play(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			continue // an expected effect: compared with the whole
		}
		out.WriteString(line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			for _, effect := range s.event(words) {
				out.WriteString("    " + effect + "\n")
			}
		}
	}
	return out.String()
}

func (s *story) event(words []string) []string {
	s.t.Helper()
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
	now := s.when(words[0])
	if now < s.now {
		s.t.Fatalf("%v: it is %v already", words, s.now)
	}
	s.now = now
	if due, ok := s.m.NextWake(); ok && due < now {
		s.t.Fatalf("%v: a tick was due at %v", words, due)
	}
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
		return []string{s.wake()}
	case "pending":
		return s.pending(now)
	case "put", "get":
		return s.submit(now, words[1:])
	default:
		effects = s.answer(now, words[1:])
	}
	return s.render(effects)
}

func (s *story) answer(now time.Duration, words []string) []Effect {
	id, ok := s.legs[words[1]]
	if !ok {
		s.t.Fatalf("%v: no such leg", words)
	}
	if words[0] == "cancel" {
		return s.m.Cancel(nil, now, id)
	}
	n := uint32(s.number(words[2]))
	switch words[0] {
	case "sent":
		s.m.Sent(id, n, Channel(s.number(words[3])), foci.Table(s.number(words[4])))
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
			s.t.Fatalf("%v: no such answer", words)
		}
		return s.m.Delivered(nil, now, id, n, &Delivery{Fate: Answered, Msg: &wire.HaveReply{State: state}})
	case "fail":
		d := failure(&foci.Error{Kind: s.kind(words[3])})
		switch {
		case len(words) < 5:
		case words[4] == "moved":
			d.Moved = true
		default:
			d.Err.(*foci.Error).RetryAfter = s.duration(words[4])
		}
		return s.m.Delivered(nil, now, id, n, d)
	}
	s.t.Fatalf("%v: no such event", words)
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

func (s *story) submit(now time.Duration, words []string) []string {
	leg := Leg{Mutation: words[0] == "put", CanAsk: words[0] == "put", Class: foci.Reg, Deadline: 30 * time.Second, Ref: words[1]}
	leg.Target.ID[0] = words[2][0]
	for _, w := range words[3:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "size":
			leg.Size = s.number(value)
		case "stall":
			leg.Stall = s.duration(value)
		case "resends":
			leg.Resends = s.number(value)
		case "deadline":
			leg.Deadline = s.duration(value)
		default:
			s.t.Fatalf("%v: no such option", w)
		}
	}
	effects, id, err := s.m.Submit(nil, now, leg)
	if err != nil {
		if len(effects) > 0 || id != 0 {
			s.t.Errorf("%v: refused, but with effects %v", words, effects)
		}
		return []string{"refused: " + foci.KindOf(err).String()}
	}
	s.legs[words[1]] = id
	return s.render(effects)
}

func (s *story) render(effects []Effect) []string {
	var lines []string
	for _, e := range effects {
		leg := e.Ref.(string)
		if s.legs[leg] != 0 && s.legs[leg] != e.Leg {
			s.t.Errorf("effect of %v carries the id %v, want %v", leg, e.Leg, s.legs[leg])
		}
		if s.ended[leg] {
			s.t.Errorf("%v: an effect after its end: %+v", leg, e)
		}
		verb := map[Action]string{Transmit: "transmit", Ask: "ask", Finish: "finish"}[e.Do]
		if e.Do == Finish {
			s.ended[leg] = true
			lines = append(lines, verb+" "+leg+": "+s.outcome(e.Outcome))
			continue
		}
		line := fmt.Sprintf("%s %s #%d to %s", verb, leg, e.Attempt, s.name(e.Peer))
		if !e.Via.IsZero() {
			line += " via " + s.name(e.Via)
		}
		if e.Avoid != 0 {
			line += fmt.Sprintf(", not by channel %d", e.Avoid)
		}
		lines = append(lines, line)
	}
	return lines
}

func (s *story) outcome(o Outcome) string {
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
		s.t.Errorf("the error %v has no history", o.Err)
		return text
	}
	text += "; " + h.Error()
	for short, name := range s.names {
		text = strings.ReplaceAll(text, short, name)
	}
	return text
}

// when reads an event's time; "due" is the time of the next tick.
func (s *story) when(word string) time.Duration {
	if word != "due" {
		return s.duration(word)
	}
	due, ok := s.m.NextWake()
	if !ok {
		s.t.Fatal("due: no tick is due")
	}
	return due
}

func (s *story) wake() string {
	if due, ok := s.m.NextWake(); ok {
		return "at " + due.String()
	}
	return "never"
}

func (s *story) pending(now time.Duration) []string {
	lines := []string{fmt.Sprintf("%d legs, %d bytes", s.m.Len(), s.m.Bytes())}
	for p := range s.m.Pending(now) {
		lines = append(lines, fmt.Sprintf("%v: %s, %s, %d bytes, peer %s, table %d, age %v, %d attempts, %d left",
			p.Ref, p.Class, p.State, p.Size, s.name(p.Peer), p.Table, p.Age, p.Attempts, p.Left))
	}
	return lines
}

func (s *story) option(w string) {
	name, value, _ := strings.Cut(w, "=")
	switch name {
	case "stall":
		s.cfg.Stall = s.duration(value)
	case "resends":
		s.cfg.Resends = s.number(value)
	case "legs":
		s.cfg.MaxLegs = s.number(value)
	case "bytes":
		s.cfg.MaxBytes = int64(s.number(value))
	default:
		s.t.Fatalf("%v: no such option", w)
	}
}

func (s *story) route(words []string) {
	target := words[0][0]
	hop := Hop{}
	var err error
	switch words[1] {
	case "none":
		err = foci.Errorf(foci.NoRoute, "no table in common")
	case "away":
		away := &foci.Error{Kind: foci.Unreachable, Msg: "away"}
		if len(words) > 3 {
			away.RetryAfter = s.duration(words[3])
		}
		hop.Peer, err = s.node(words[2]), away
	default:
		hop.Peer = s.node(words[1])
		if len(words) > 2 {
			hop.Via = s.node(words[3])
		}
	}
	s.ways[target] = func() (Hop, error) { return hop, err }
}

func (s *story) node(name string) foci.NodeID {
	var id foci.NodeID
	copy(id[:], "node")
	id[3] = name[0]
	s.names[id.Short()] = name
	return id
}

func (s *story) name(id foci.NodeID) string {
	if n, ok := s.names[id.Short()]; ok {
		return n
	}
	return "nobody"
}

func (s *story) kind(name string) foci.Kind {
	for k := range foci.NumKinds {
		if strings.ReplaceAll(k.String(), " ", "-") == name {
			return k
		}
	}
	s.t.Fatalf("%q: no such kind", name)
	return 0
}

func (s *story) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *story) number(text string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "#"))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
