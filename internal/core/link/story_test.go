package link

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
	"github.com/foci-store/foci/internal/core/route"
)

var update = flag.Bool("update", false, "write what happened into the stories")

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
			got := (&story{t: t, asks: map[string]Request{}}).play(string(text))
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
	t    *testing.T
	m    *Machine
	asks map[string]Request
	now  time.Duration
}

func (s *story) play(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue
		}
		b.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, said := range s.event(strings.Fields(line)) {
			b.WriteString("    " + said + "\n")
		}
	}
	return b.String()
}

func (s *story) event(w []string) []string {
	if w[0] == "link" {
		s.start(w[1:])
		return nil
	}
	at, err := time.ParseDuration(w[0])
	if err != nil {
		s.t.Fatalf("%v: %v", w, err)
	}
	s.now = at
	var out []Effect
	said := ""
	switch w[1] {
	case "submit", "move":
		out, said = s.request(w[1:])
	case "opened":
		var err error
		out, err = s.m.Opened(nil, s.now, s.slot(w[2]), uint64(s.number(w[3])), Conn(s.number(w[4])), foci.Incarnation(s.number(w[5])), s.addr(w[6]))
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

func (s *story) start(w []string) {
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
				c := s.class(class)
				cfg.Tables[c] = append(cfg.Tables[c], foci.Table(s.number(n)))
			}
		}
	}
	s.m = New(cfg)
}

// simple are the events that lead to nothing but effects.
func (s *story) simple(w []string) []Effect {
	switch w[0] {
	case "addrs":
		var list []route.Address
		for _, a := range w[1:] {
			list = append(list, s.addr(a))
		}
		return s.m.SetAddrs(nil, s.now, list)
	case "member":
		return s.m.Member(nil, s.now)
	case "inbound":
		return s.m.Inbound(nil, s.now, s.number(w[1]))
	case "retry":
		return s.m.Revive(nil, s.now)
	case "tick":
		return s.m.Tick(nil, s.now)
	case "remove":
		return s.m.Remove(nil, errors.New("it was removed"))
	case "undialled":
		return s.m.Undialled(nil, s.now, s.slot(w[1]), uint64(s.number(w[2])), errors.New(strings.Join(w[3:], " ")))
	case "lost":
		return s.m.Lost(nil, s.now, Conn(s.number(w[1])), errors.New(strings.Join(w[2:], " ")))
	case "draining":
		return s.m.Draining(nil, s.now, Conn(s.number(w[1])))
	case "doomed":
		s.m.Doomed(Conn(s.number(w[1])))
		return nil
	case "widen":
		return s.m.Widen(nil, s.now, s.class(w[1]))
	case "beat":
		return s.m.Beat(nil, s.now, s.pulses(w[1:]))
	}
	s.t.Fatalf("event %v is unknown", w)
	return nil
}

func (s *story) pulses(w []string) []Pulse {
	var list []Pulse
	for _, p := range w {
		conn, heard, _ := strings.Cut(p, "=")
		heard, asked := strings.CutSuffix(heard, "?")
		list = append(list, Pulse{Conn: Conn(s.number(conn)), Heard: int64(s.number(heard)), Asked: asked})
	}
	return list
}

func (s *story) request(w []string) ([]Effect, string) {
	var out []Effect
	var waits bool
	var err error
	r := s.asks[w[1]]
	if w[0] == "submit" {
		r = Request{Ref: w[1], Class: s.class(w[2]), Fixed: len(w) > 3}
		out, waits, err = s.m.Submit(nil, s.now, r)
	} else {
		out, waits, err = s.m.Move(nil, s.now, r, foci.Incarnation(s.number(w[2])), errors.New(strings.Join(w[3:], " ")))
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

func (s *story) is() string {
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

func (s *story) tell(e *Effect) string {
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

func (s *story) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *story) class(name string) (c foci.Class) {
	if err := c.UnmarshalText([]byte(name)); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *story) slot(text string) Slot {
	name := strings.TrimRight(text, "0123456789")
	return Slot{s.class(name), s.number(text[len(name):])}
}

func (s *story) addr(text string) route.Address {
	host, table, _ := strings.Cut(text, "/")
	return route.Address{Host: host, Table: foci.Table(s.number(table))}
}
