package node_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
)

// timed is a cluster of nodes, each a group, whose clocks a test sets.
type timed struct {
	t      *testing.T
	layout *layout.Layout
	nodes  []*node.Node
	ahead  []atomic.Int64
	logs   []*logged
}

// logged is what a node has logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// newTimed starts a node for each clock, which is ahead by so much.
func newTimed(t *testing.T, clocks ...time.Duration) *timed {
	c := &timed{t: t, ahead: make([]atomic.Int64, len(clocks))}
	p := &layout.Plan{Cluster: "test"}
	for i := range clocks {
		c.ahead[i].Store(int64(clocks[i]))
		p.Nodes = append(p.Nodes, layout.PlanNode{
			Name: fmt.Sprint("n", i), Addrs: []route.Address{address(t)}, Backends: []layout.PlanBackend{{Group: foci.Group(i + 1)}},
		})
	}
	var err error
	if c.layout, err = layout.Init(p, rand.Reader); err != nil {
		t.Fatal(err)
	}
	for i := range clocks {
		log := new(logged)
		c.logs = append(c.logs, log)
		c.nodes = append(c.nodes, start(t, node.Config{
			Cluster: "test", Dir: "/data", Name: fmt.Sprint("n", i), Layout: c.layout, Role: foci.RoleData,
			FS: vfs.NewCrashable(), Grace: 50 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
			Now: func() int64 { return time.Now().UnixNano() + c.ahead[i].Load() },
		}))
	}
	return c
}

// judge waits until every node knows the present clocks of all others, has each
// compare its own with them, and gives those that do not vote.
func (c *timed) judge() (stopped []int) {
	c.t.Helper()
	for i, n := range c.nodes {
		soon(c.t, "the clocks are known", func() bool {
			others := n.ClockOffsets()
			sum := time.Duration(0)
			for _, o := range others {
				sum += o.By
			}
			want := time.Duration(0)
			for k := range c.ahead {
				want += time.Duration(c.ahead[k].Load() - c.ahead[i].Load())
			}
			return len(others) == len(c.nodes)-1 && (sum-want).Abs() < 5*time.Second
		})
		n.JudgeClock()
	}
	for i, n := range c.nodes {
		if n.Status().NotVoting != "" {
			stopped = append(stopped, i)
		}
	}
	return stopped
}

// TestOnlyTheWrongClockStops: of three nodes one whose clock is 70 s off stops
// voting, says so, and votes again when it is right. Of two that differ neither
// stops.
func TestOnlyTheWrongClockStops(t *testing.T) {
	for _, ahead := range []time.Duration{70 * time.Second, -70 * time.Second} {
		c := newTimed(t, 0, 0, ahead)
		if got := fmt.Sprint(c.judge()); got != "[2]" {
			t.Fatalf("with the clock of node 2 off by %v these stop: %s", ahead, got)
		}
		s := c.nodes[2].Status()
		if !strings.Contains(s.NotVoting, "2 of 3 storing nodes") || !strings.Contains(s.NotVoting, "set its clock") || (s.ClockOff-ahead).Abs() > 5*time.Second {
			t.Errorf("it says %q, off by %v", s.NotVoting, s.ClockOff)
		}
		c.ahead[2].Store(0)
		if got := c.judge(); len(got) != 0 {
			t.Errorf("with all clocks right these stop: %v", got)
		}
		for i, log := range c.logs {
			stops, again := log.count("does not vote: its clock"), log.count("votes again: its clock")
			if want := i / 2; stops != want || again != want {
				t.Errorf("node %d has logged %d stops and %d ends of one, want %d", i, stops, again, want)
			}
		}
	}
	if got := newTimed(t, 0, 70*time.Second).judge(); len(got) != 0 {
		t.Errorf("of two nodes 70 s apart these stop: %v", got)
	}
}

// TestStoppedNodeDoesNotVote: a node whose clock is wrong answers no question
// that counts as a vote; content that others have voted for it serves.
func TestStoppedNodeDoesNotVote(t *testing.T) {
	c := newTimed(t, 70*time.Second, 0, 0)
	if got := fmt.Sprint(c.judge()); got != "[0]" {
		t.Fatalf("these stop: %s", got)
	}
	l := dial(t, c.nodes[0])
	s := store(c.layout, "key", "content")
	have := &wire.Have{Target: target(c.layout), ID: s.Record.ID, Version: s.Record.Version, Hash: s.Record.Hash}
	list := &wire.List{Target: target(c.layout), Bucket: "bucket"}
	list.Backend = c.layout.Backends[0].ID
	for _, m := range []codec.Message{query(c.layout), s, have, list} {
		if _, err := call(t, l, m); !errors.Is(err, foci.NotReady) || !strings.Contains(err.Error(), "clock") {
			t.Errorf("%T: %v, want NotReady for its clock", m, err)
		}
	}
	if _, err := call(t, l, &wire.Fetch{Target: target(c.layout), ID: s.Record.ID, MaxBytes: 10}); err != nil {
		t.Errorf("fetch: %v", err)
	}
	c.ahead[0].Store(0)
	c.judge()
	for _, m := range []codec.Message{query(c.layout), s, have, list} {
		if _, err := call(t, l, m); err != nil {
			t.Errorf("%T, the clock being right again: %v", m, err)
		}
	}
}
