package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/device/mesh"
)

// storm is what one reset channel did to a link under load.
type storm struct {
	requests, failed int
	closed           int           // channels, of 13
	whole            time.Duration // until all are open again
	gap              time.Duration // the longest time without an answer
	p99              time.Duration // of all that were answered
}

// TestLinkedBesideIndependent resets one of a link's 13 channels, time and
// again, while 64 callers ask the node on the other side small questions, once
// with independent channels and once with linked ones. What it prints is the
// table of docs/linked.md.
func TestLinkedBesideIndependent(t *testing.T) {
	rounds := 3
	if Full() {
		rounds = 20
	}
	l := New(t)
	c := l.Cluster("a")
	var results [2]storm
	for _, mode := range []mesh.LinkMode{mesh.Independent, mesh.Linked} {
		s := &results[mode]
		for range rounds {
			s.add(l.storm(c, mode))
		}
		t.Logf("| %v | %d | %d of %d | %.1f of 13 | %v | %v | %v |", mode, rounds, s.failed, s.requests, float64(s.closed)/float64(rounds),
			s.whole.Round(time.Millisecond), s.gap.Round(time.Millisecond), s.p99.Round(10*time.Microsecond))
	}
	if s := results[mesh.Independent]; s.failed > 0 || s.closed != rounds {
		t.Errorf("independent: %d failed, %d channels closed in %d rounds; want none, and one in each", s.failed, s.closed, rounds)
	}
	if s := results[mesh.Linked]; s.failed == 0 || s.closed != 13*rounds {
		t.Errorf("linked: %d failed, %d channels closed in %d rounds; want some, and 13 in each", s.failed, s.closed, rounds)
	}
}

// add sums counts and keeps the worst of times.
func (s *storm) add(o storm) {
	s.requests, s.failed, s.closed = s.requests+o.requests, s.failed+o.failed, s.closed+o.closed
	s.whole, s.gap, s.p99 = max(s.whole, o.whole), max(s.gap, o.gap), max(s.p99, o.p99)
}

// storm resets one channel for requests under load.
func (l *Lab) storm(c *Cluster, mode mesh.LinkMode) storm {
	l.t.Helper()
	proof, err := auth.LoadCredential(files.OS(), c.credential(), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	m, err := mesh.New(mesh.Config{Role: foci.RoleTransport, Cluster: c.name(), Auth: proof, Links: mode, Eager: true})
	if err != nil {
		l.t.Fatal(err)
	}
	defer m.Close()
	a := c.hosts[0]
	link, err := m.Dial(l.t.Context(), route.AddressOf(netip.AddrPortFrom(a.Addr(), nodePort)), true)
	if err != nil {
		l.t.Fatal(err)
	}
	all := func() error {
		if n := len(ports(link)); n != 13 {
			return errors.New(strconv.Itoa(n) + " channels are open")
		}
		return nil
	}
	l.Eventually(5*time.Second, "13 channels", all)
	callers := call(l.t.Context(), link)
	l.Pass(300 * time.Millisecond)
	before := ports(link)
	victim := before[len(before)-1]
	reset := l.breaks(map[*Host][]string{a: {"tcp sport " + victim + " reject with tcp reset"}})
	l.Eventually(5*time.Second, "the channel is gone", func() error {
		if slices.Contains(ports(link), victim) {
			return errors.New("it is open")
		}
		return nil
	})
	reset.Heal()
	whole := l.Eventually(10*time.Second, "13 channels again", all)
	l.Pass(300 * time.Millisecond)
	s := callers()
	s.whole = whole
	for _, p := range before {
		if !slices.Contains(ports(link), p) {
			s.closed++
		}
	}
	return s
}

// ports are our ends of a link's open channels; the last is one for requests
// that is under load, because the first of a class takes all until it is busy.
func ports(link *mesh.Link) []string {
	var list, reg []string
	for _, ch := range link.Stats().Channels {
		_, port, err := net.SplitHostPort(ch.Local)
		switch {
		case ch.State != "open" || err != nil:
		case ch.Class == foci.Reg:
			reg = append(reg, port)
		default:
			list = append(list, port)
		}
	}
	slices.Reverse(reg)
	return append(list, reg...)
}

// call asks small questions until stop is called, which sums up.
func call(ctx context.Context, link *mesh.Link) (stop func() storm) {
	ctx, cancel := context.WithCancel(ctx)
	const callers = 64
	var asking sync.WaitGroup
	var mu sync.Mutex
	var s storm
	var took []time.Duration
	last := time.Now()
	for range callers {
		asking.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				_, err := link.Call(ctx, foci.Reg, wire.MethodPing, nil, nil)
				mu.Lock()
				now := time.Now()
				switch {
				case err == nil:
					s.requests++
					took = append(took, now.Sub(began))
					s.gap = max(s.gap, now.Sub(last))
					last = now
				case ctx.Err() == nil:
					s.requests++
					s.failed++
				}
				mu.Unlock()
				if err != nil { // as a caller does who is told that the node is away
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	return func() storm {
		cancel()
		asking.Wait()
		slices.Sort(took)
		if len(took) > 0 {
			s.p99 = took[len(took)*99/100]
		}
		return s
	}
}
