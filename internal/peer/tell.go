package peer

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	// tellEvery is the shortest time between two rounds of telling; what is learnt
	// meanwhile goes into one message.
	tellEvery = 20 * time.Millisecond
	// maxTells is how many messages may be on their way to one peer. What a slow
	// one is not told it finds when it compares.
	maxTells = 4
	farewell = 300 * time.Millisecond // for telling that we leave
)

// hurry wakes tell.
func (j *join) hurry() {
	select {
	case j.telling <- struct{}{}:
	default:
	}
}

// tell tells others what has changed.
func (j *join) tell() {
	t := &teller{join: j, open: map[foci.NodeID]int{}}
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-j.telling:
		}
		t.round(nil)
		if !j.pause(tellEvery) {
			return
		}
	}
}

// teller sends entries and knows how many messages are on their way.
type teller struct {
	*join
	mu   sync.Mutex
	open map[foci.NodeID]int
}

// round sends what there is to tell; done is called for each message that was
// answered or lost. It may be nil.
func (t *teller) round(done func()) (sent int) {
	j := t.join
	j.mu.Lock()
	tells := j.spread.Flush(j.cfg.Mesh.Node, rand.IntN)
	msgs := make([]wire.Routes, len(tells))
	for i := range tells {
		msgs[i].Epoch = j.cfg.Layout.Epoch()
		for _, id := range tells[i].Nodes {
			if e, ok := j.routes.Entry(id); ok {
				msgs[i].Routes = append(msgs[i].Routes, e)
			}
		}
		msgs[i].Routes = wire.FitRoutes(msgs[i].Routes)
	}
	j.mu.Unlock()
	for i := range tells {
		if t.send(tells[i].To, &msgs[i], done) {
			sent++
		}
	}
	return sent
}

func (t *teller) send(to foci.NodeID, m *wire.Routes, done func()) bool {
	l := t.links.get(to)
	t.mu.Lock()
	if l == nil || t.open[to] >= maxTells {
		t.mu.Unlock()
		return false
	}
	t.open[to]++
	t.mu.Unlock()
	if t.prover != nil && verifies(l.Peer()) {
		m.Routes = slices.DeleteFunc(m.Routes, func(e wire.Route) bool { return e.Proof.IsZero() })
	}
	err := l.Send(&mesh.Request{
		Class: foci.State, Method: wire.MethodRoutes, Head: m.Append(nil),
		Done: func(r *mesh.Reply, err error) {
			t.answered(to, r, err)
			if done != nil {
				done()
			}
		},
	})
	if err != nil {
		t.close(to)
		return false
	}
	t.said.told.Add(1)
	return true
}

func (t *teller) close(to foci.NodeID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[to]--; t.open[to] <= 0 {
		delete(t.open, to)
	}
}

// answered looks whether the other side knows more, which is then asked for by
// somebody who may take his time.
func (t *teller) answered(to foci.NodeID, r *mesh.Reply, err error) {
	t.close(to)
	var theirs wire.Routes
	if err != nil || codec.Unmarshal(r.Head, &theirs) != nil {
		return // the next comparison will do
	}
	if len(theirs.Routes) > 0 || theirs.Epoch > t.cfg.Layout.Epoch() {
		t.meet(to)
	}
}

// leave tells everybody that this process is no member any more, and waits a
// moment for it to be heard.
func (j *join) leave() {
	j.mu.Lock()
	err := j.routes.Move(nil, j.cfg.Mesh.Now())
	j.spread.Moved()
	j.mu.Unlock()
	if err != nil {
		return // a transport client, which no node knows of, or out of bounds: the others give it up in time
	}
	heard := make(chan struct{}, foci.MaxNodes)
	t := &teller{join: j, open: map[foci.NodeID]int{}}
	end := time.NewTimer(farewell)
	defer end.Stop()
	for n := t.round(func() { heard <- struct{}{} }); n > 0; n-- {
		select {
		case <-heard:
		case <-end.C:
			return
		}
	}
}
