package bench

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/foci-store/foci"
)

// meshReset resets one connection under load, five times, and compares with as
// many times without.
func meshReset(ctx context.Context, d time.Duration) ([]Row, error) {
	p, err := newMeshPair(ctx, 6)
	if err != nil {
		return nil, unmeasured("resets", err)
	}
	defer p.close()
	head := make([]byte, 64)
	do := func() error { return p.call(ctx, foci.Reg, head, nil) }
	var quiet, cut []float64
	failed, closed := 0, 0
	if _, err := callers(256, d/5, do); err != nil { // opens the connections
		return nil, unmeasured("resets", err)
	}
	for i := range 10 {
		before := p.open()
		if i%2 == 1 {
			time.AfterFunc(d/10, p.reset)
		}
		took, err := callers(256, d/5, do)
		if err != nil {
			failed++
		}
		if i%2 == 1 {
			cut = append(cut, at(took, 0.99))
			closed += max(0, gone(before, p.open())-1)
		} else {
			quiet = append(quiet, at(took, 0.99))
		}
	}
	slices.Sort(quiet)
	slices.Sort(cut)
	return []Row{
		atMost("requests that fail when one connection is reset", float64(failed), 0, "", "figure", 1),
		atMost("other connections that are closed then", float64(closed), 0, "", "figure", 1),
		atMost("p99 with one reset, median of five", cut[2], quiet[2], "us", "p99 without", 1.5),
	}, nil
}

// open are the local addresses of the connections that are open.
func (p *meshPair) open() map[string]bool {
	all := map[string]bool{}
	for _, ch := range p.link.Stats().Channels {
		if ch.Local != "" {
			all[ch.Local] = true
		}
	}
	return all
}

// gone counts the connections in before that are not in after.
func gone(before, after map[string]bool) int {
	n := 0
	for local := range before {
		if !after[local] {
			n++
		}
	}
	return n
}

// reset breaks the connection that was dialled last.
func (p *meshPair) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if tcp, ok := p.conns[len(p.conns)-1].(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // so that closing resets
		_ = tcp.Close()
	}
}
