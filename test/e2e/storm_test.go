package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// What became of a line of the storm.
const (
	lineOpen int32 = iota
	lineAcked
	lineUnknown
)

// storm is many one-line appends under resets and kills.
type storm struct {
	lines, keys int
	state       []atomic.Int32 // of each line
	refused     atomic.Int64   // appends that certainly failed and were made again
	resets      int
	kills       int
}

// TestStorm appends lines to a hundred keys from eight clients while a random
// connection is reset every 50 ms and a node is killed and started again every
// 10 s. Every acknowledged line is there once; one with an unknown outcome once
// or not at all. FOCI_STORM says how many lines.
func TestStorm(t *testing.T) {
	s := &storm{lines: 10_000, keys: 100}
	if n, err := strconv.Atoi(os.Getenv("FOCI_STORM")); err == nil {
		s.lines = n
	}
	s.state = make([]atomic.Int32, s.lines)
	c, proxies := startProxied(t)
	ctx, calm := context.WithCancel(t.Context())
	var nemesis, clients sync.WaitGroup
	nemesis.Go(func() { s.resetAll(ctx, proxies) })
	nemesis.Go(func() {
		if err := s.killNodes(ctx, c); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	for w := range 8 {
		cl := dial(t, c)
		clients.Go(func() { s.append(t, cl, w) })
	}
	clients.Wait()
	took := time.Since(began)
	calm()
	nemesis.Wait()
	s.check(t, dial(t, c).Session(client.SessionOptions{}))
	t.Logf("%d lines in %v, %d resets, %d kills, %d refusals repeated", s.lines, took.Round(time.Millisecond), s.resets, s.kills, s.refused.Load())
}

func (s *storm) resetAll(ctx context.Context, proxies []*proxy) {
	for ctx.Err() == nil {
		if proxies[rand.IntN(len(proxies))].killOne() {
			s.resets++
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (s *storm) killNodes(ctx context.Context, c *cluster) error {
	pause(ctx, 300*time.Millisecond)
	for ; ctx.Err() == nil; s.kills++ {
		node := fmt.Sprintf("n%d", s.kills%c.size+1)
		if err := c.kill(node); err != nil {
			return err
		}
		pause(ctx, 500*time.Millisecond)
		if err := c.serve(node); err != nil {
			return err
		}
		pause(ctx, 9*time.Second)
	}
	return nil
}

// append appends every eighth line, 100 at a time. What certainly failed is
// made again; what is unknown is left so.
func (s *storm) append(t *testing.T, cl *client.Client, w int) {
	session := cl.Session(client.SessionOptions{Timeout: 20 * time.Second, Stall: 500 * time.Millisecond})
	room := make(chan struct{}, 100)
	for i := w; i < s.lines && !t.Failed(); i += 8 {
		room <- struct{}{}
		s.line(t, session, i, func() { <-room })
	}
	for range cap(room) {
		room <- struct{}{}
	}
}

func (s *storm) line(t *testing.T, session *client.Session, i int, done func()) {
	text := fmt.Sprintf("%d\n", i)
	session.AppendAsync(t.Context(), s.name(i), strings.NewReader(text), int64(len(text)), func(_ client.Result, err error) {
		switch {
		case err == nil:
			s.state[i].Store(lineAcked)
		case errors.Is(err, foci.OutcomeUnknown):
			s.state[i].Store(lineUnknown)
		case errors.Is(err, foci.Busy) || errors.Is(err, foci.NoQuorum) || errors.Is(err, foci.NotReady):
			if s.refused.Add(1) > int64(s.lines) {
				t.Errorf("line %d: refused again and again: %v", i, err)
				break
			}
			s.line(t, session, i, done)
			return
		default:
			t.Errorf("line %d: %v", i, err)
		}
		done()
	})
}

func (s *storm) name(i int) foci.Name {
	return foci.Name{Bucket: "storm", Key: fmt.Sprintf("k%02d", i%s.keys)}
}

func (s *storm) check(t *testing.T, session *client.Session) {
	t.Helper()
	seen := make([]int, s.lines)
	for k := range s.keys {
		b, err := readAll(t.Context(), session, s.name(k))
		if err != nil {
			t.Fatalf("key %d: %v", k, err)
		}
		for line := range strings.Lines(string(b)) {
			i, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
			if err != nil || i < 0 || i >= s.lines || i%s.keys != k {
				t.Fatalf("key %d has the line %.40q", k, line)
			}
			seen[i]++
		}
	}
	var lost, doubled, unknown, applied int
	for i, n := range seen {
		state := s.state[i].Load()
		switch {
		case n > 1:
			doubled++
		case state == lineAcked && n == 0:
			lost++
		case state == lineUnknown:
			unknown++
			applied += n
		}
	}
	t.Logf("%d outcomes unknown, %d of them there", unknown, applied)
	if lost > 0 || doubled > 0 {
		t.Errorf("%d acknowledged lines are lost, %d lines are there twice", lost, doubled)
	}
}
