package link

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/story"
)

// TestLinkStories plays testdata/stories. An unindented line is an event,
// beginning with its time; the indented lines below it are what it must have
// led to. The backoff draws the middle of its range.
//
//	link [linked] [eager] [tables=CLASS:T,T]               first: a link with 1, 1, 2, 1 and 1 channels
//	T addrs HOST/TABLE… · T member · T inbound N · T retry · T tick · T remove
//	T opened SLOT ATTEMPT CONN INCARNATION HOST/TABLE · T undialled SLOT ATTEMPT WHY
//	T lost CONN WHY · T draining CONN · T doomed CONN · T widen CLASS
//	T submit NAME CLASS [fixed] · T move NAME INCARNATION WHY
//	T beat CONN=BYTES[?]…                                  with ?: a ping is unanswered
//	T is                                                   state, failures, next wake, waiting requests, one-way
func TestLinkStories(t *testing.T) {
	story.Run(t, func(s *story.Story) func([]string) []string {
		return (&player{Story: s, asks: map[string]Request{}}).event
	})
}

type player struct {
	*story.Story
	m    *Machine
	asks map[string]Request
}

func (s *player) event(w []string) []string {
	if w[0] == "link" {
		s.start(w[1:])
		return nil
	}
	s.At(w[0])
	var out []Effect
	said := ""
	switch w[1] {
	case "submit", "move":
		out, said = s.request(w[1:])
	case "opened":
		var err error
		out, err = s.m.Opened(nil, s.Now, s.slot(w[2]), uint64(s.Number(w[3])), Conn(s.Number(w[4])), foci.Incarnation(s.Number(w[5])), s.addr(w[6]))
		if err != nil {
			said = "not wanted: " + err.Error()
		}
	case "is":
		said = s.is()
	default:
		out = s.simple(w[1:])
	}
	var lines []string
	if said != "" {
		lines = append(lines, said)
	}
	for i := range out {
		lines = append(lines, s.tell(&out[i]))
	}
	return lines
}

func (s *player) start(w []string) {
	cfg := Config{
		Node: foci.NodeID{1}, Rand: func() float64 { return 0.5 },
		Channels: [foci.NumClasses]int{foci.Ping: 1, foci.State: 1, foci.Reg: 2, foci.Bulk: 1, foci.Recovery: 1},
	}
	for _, o := range w {
		switch name, value, _ := strings.Cut(o, "="); name {
		case "linked":
			cfg.Linked = true
		case "eager":
			cfg.Eager = true
		case "tables":
			class, list, _ := strings.Cut(value, ":")
			for _, n := range strings.Split(list, ",") {
				c := s.Class(class)
				cfg.Tables[c] = append(cfg.Tables[c], foci.Table(s.Number(n)))
			}
		}
	}
	s.m = New(cfg)
}

// simple are the events that lead to nothing but effects.
func (s *player) simple(w []string) []Effect {
	switch w[0] {
	case "addrs":
		var list []route.Address
		for _, a := range w[1:] {
			list = append(list, s.addr(a))
		}
		return s.m.SetAddrs(nil, s.Now, list)
	case "member":
		return s.m.Member(nil, s.Now)
	case "inbound":
		return s.m.Inbound(nil, s.Now, s.Number(w[1]))
	case "retry":
		return s.m.Revive(nil, s.Now)
	case "tick":
		return s.m.Tick(nil, s.Now)
	case "remove":
		return s.m.Remove(nil, errors.New("it was removed"))
	case "undialled":
		return s.m.Undialled(nil, s.Now, s.slot(w[1]), uint64(s.Number(w[2])), errors.New(strings.Join(w[3:], " ")))
	case "lost":
		return s.m.Lost(nil, s.Now, Conn(s.Number(w[1])), errors.New(strings.Join(w[2:], " ")))
	case "draining":
		return s.m.Draining(nil, s.Now, Conn(s.Number(w[1])))
	case "doomed":
		s.m.Doomed(Conn(s.Number(w[1])))
		return nil
	case "widen":
		return s.m.Widen(nil, s.Now, s.Class(w[1]))
	case "beat":
		return s.m.Beat(nil, s.Now, s.pulses(w[1:]))
	}
	s.T.Fatalf("event %v is unknown", w)
	return nil
}

func (s *player) pulses(w []string) []Pulse {
	var list []Pulse
	for _, p := range w {
		conn, heard, _ := strings.Cut(p, "=")
		heard, asked := strings.CutSuffix(heard, "?")
		list = append(list, Pulse{Conn: Conn(s.Number(conn)), Heard: int64(s.Number(heard)), Asked: asked})
	}
	return list
}

func (s *player) request(w []string) ([]Effect, string) {
	var out []Effect
	var waits bool
	var err error
	r := s.asks[w[1]]
	if w[0] == "submit" {
		r = Request{Ref: w[1], Class: s.Class(w[2]), Fixed: len(w) > 3}
		out, waits, err = s.m.Submit(nil, s.Now, r)
	} else {
		out, waits, err = s.m.Move(nil, s.Now, r, foci.Incarnation(s.Number(w[2])), errors.New(strings.Join(w[3:], " ")))
		r.Moves++
	}
	s.asks[w[1]] = r
	switch {
	case err != nil:
		return out, w[1] + " fails: " + err.Error()
	case waits:
		return out, w[1] + " waits"
	}
	return out, w[1] + " goes out now"
}

func (s *player) is() string {
	said := fmt.Sprintf("%v, %d failures", s.m.State(), s.m.Failures())
	if at, ok := s.m.NextWake(); ok {
		said += fmt.Sprintf(", wakes at %v", at)
	}
	if n := s.m.Waiting(); n > 0 {
		said += fmt.Sprintf(", %d wait", n)
	}
	if s.m.OneWay() {
		said += fmt.Sprintf(", one way only: %v", s.m.LastErr())
	}
	for c := range foci.NumClasses {
		for i := range s.m.Slots(c) {
			if state := s.m.SlotState(Slot{c, i}); state != "idle" {
				said += fmt.Sprintf(", %v%d %s", c, i, state)
			}
		}
	}
	return said
}

func (s *player) tell(e *Effect) string {
	switch e.Do {
	case Dial:
		return fmt.Sprintf("dial %v%d, attempt %d, %s/%d", e.Slot.Class, e.Slot.Index, e.Attempt, e.Addr.Host, e.Addr.Table)
	case Close:
		return fmt.Sprintf("close %d: %v", e.Conn, e.Err)
	case Send:
		return fmt.Sprintf("send %v", e.Request.Ref)
	case Fail:
		return fmt.Sprintf("fail %v: %v", e.Request.Ref, e.Err)
	}
	if e.Err == nil {
		return fmt.Sprintf("tell: %v", e.State)
	}
	return fmt.Sprintf("tell: %v, %v", e.State, e.Err)
}

func (s *player) slot(text string) Slot {
	name := strings.TrimRight(text, "0123456789")
	return Slot{s.Class(name), s.Number(text[len(name):])}
}

func (s *player) addr(text string) route.Address {
	host, table, _ := strings.Cut(text, "/")
	return route.Address{Host: host, Table: foci.Table(s.Number(table))}
}
