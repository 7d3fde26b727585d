package membership

import (
	"math/rand/v2"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	// gossipEvery is the shortest time between two rounds; what is learnt
	// meanwhile goes into one message.
	gossipEvery  = 20 * time.Millisecond
	leaveTimeout = 300 * time.Millisecond // for the answers in Leave
)

// gossip sends changed routes to other members.
type gossip struct {
	*env
	kick     chan struct{}                                            // holds a token while there is something to send
	tellable func(to mesh.Identity, routes []wire.Route) []wire.Route // those that a peer would accept
	exchange func(foci.NodeID)                                        // queues an exchange of routes with a peer
}

// wake starts a round of gossip.
func (g *gossip) wake() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

// run gossips until the process ends.
func (g *gossip) run() {
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-g.kick:
		}
		g.tell(nil)
		if !g.pause(gossipEvery) {
			return
		}
	}
}

// tell sends the pending changes, and returns the number of messages. done is called
// for each message that is answered or lost; it may be nil.
func (g *gossip) tell(done func()) (sent int) {
	tells, msgs := g.view.flush(g.cfg.Node, g.epoch())
	for i := range tells {
		if g.tellPeer(tells[i].To, &msgs[i], done) {
			sent++
		}
	}
	return sent
}

func (g *gossip) tellPeer(to foci.NodeID, msg *wire.Routes, done func()) bool {
	l := g.mesh.Peer(to)
	if l == nil {
		g.view.finishTell(to)
		return false
	}
	msg.Routes = g.tellable(l.Peer(), msg.Routes)
	err := l.Send(&mesh.Request{
		Class: foci.State, Method: wire.MethodRoutes, Head: msg.Append(nil),
		Done: func(r *mesh.Reply, err error) {
			g.view.finishTell(to)
			if err == nil {
				g.acknowledge(to, r)
			}
			if done != nil {
				done()
			}
		},
	})
	if err != nil {
		g.view.finishTell(to)
		return false
	}
	g.counters.told.Add(1)
	return true
}

// acknowledge queues an exchange if the answer to gossip shows that the peer knows more.
// It must not block, as it runs on the goroutine that reads the channel.
func (g *gossip) acknowledge(to foci.NodeID, r *mesh.Reply) {
	var theirs wire.Routes
	if codec.Unmarshal(r.Head, &theirs) != nil {
		return // the next comparison will do
	}
	if len(theirs.Routes) > 0 || theirs.Epoch > g.epoch() {
		g.exchange(to)
	}
}

// Leave tells every peer that this process leaves, and waits up to leaveTimeout for the
// answers.
func (g *gossip) Leave() {
	if g.view.leave(g.cfg.Wall()) != nil {
		return // a transport client, which no node knows of, or out of bounds: the others give it up in time
	}
	heard := make(chan struct{}, foci.MaxNodes)
	end := time.NewTimer(leaveTimeout)
	defer end.Stop()
	for n := g.tell(func() { heard <- struct{}{} }); n > 0; n-- {
		select {
		case <-heard:
		case <-end.C:
			return
		}
	}
}

// flush takes what is to be told now: the recipients and their messages.
func (v *view) flush(self foci.NodeID, epoch foci.Epoch) ([]route.Tell, []wire.Routes) {
	v.mu.Lock()
	defer v.mu.Unlock()
	tells := v.spread.Flush(self, rand.IntN)
	msgs := make([]wire.Routes, len(tells))
	for i := range tells {
		for _, id := range tells[i].Nodes {
			if e, ok := v.routes.Entry(id); ok {
				msgs[i].Routes = append(msgs[i].Routes, e)
			}
		}
		msgs[i].Epoch, msgs[i].Routes = epoch, wire.FitRoutes(msgs[i].Routes)
	}
	return tells, msgs
}

// finishTell records the end of a message of flush.
func (v *view) finishTell(to foci.NodeID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.spread.Finished(to)
}

// leave removes the addresses from our own route, which gossip then sends to every peer.
func (v *view) leave(now int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.spread.Leave()
	return v.routes.Move(nil, now)
}
