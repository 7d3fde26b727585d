package peer

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

const (
	callTimeout   = 5 * time.Second  // for a question about routes or layout
	exchangeEvery = 10 * time.Second // with one random peer
	maxAskers     = 32               // comparisons that run at a time
	lookAround    = 5 * time.Second  // between looks at who is away and what is to be remembered
	// givenUp is after how long away a node that is not of the layout is dialled
	// no more. It comes back with a newer entry, by a beacon or as its own dialler.
	givenUp = 10 * time.Minute
)

// meet has a peer asked for what it knows; with many at a time, one that does
// not answer holds up none of the others.
func (j *join) meet(id foci.NodeID) {
	j.mu.Lock()
	if !slices.Contains(j.unasked, id) && len(j.unasked) < foci.MaxNodes {
		j.unasked = append(j.unasked, id)
	}
	more := j.askers < maxAskers && j.ctx.Err() == nil
	if more {
		j.askers++
	}
	j.mu.Unlock()
	if more {
		j.tasks.Go(j.askThem)
	}
}

// askThem asks those who were met until there is none left.
func (j *join) askThem() {
	for {
		j.mu.Lock()
		if len(j.unasked) == 0 || j.ctx.Err() != nil {
			j.askers--
			j.mu.Unlock()
			return
		}
		id := j.unasked[0]
		j.unasked = j.unasked[1:]
		j.mu.Unlock()
		if err := j.ask(id); err != nil && j.ctx.Err() == nil {
			j.log.Debug("exchange failed", "peer", id, "err", err)
		}
	}
}

// exchange compares with a random peer from time to time, and looks around.
func (j *join) exchange() {
	look := time.NewTicker(lookAround)
	defer look.Stop()
	next := time.After(exchangeEvery/2 + rand.N(exchangeEvery))
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-look.C:
			j.giveUpOld(time.Now())
			j.keepKnown()
			j.renewProof()
		case <-next:
			next = time.After(exchangeEvery/2 + rand.N(exchangeEvery))
			if up := j.upPeers(1); len(up) > 0 {
				j.meet(up[0])
			}
		}
	}
}

// upPeers are some random peers that are up.
func (j *join) upPeers(most int) []foci.NodeID {
	var up []foci.NodeID
	for id, l := range *j.links.all.Load() {
		if l.Link != nil && l.Up() {
			up = append(up, id)
		}
	}
	rand.Shuffle(len(up), func(a, b int) { up[a], up[b] = up[b], up[a] })
	return up[:min(most, len(up))]
}

// ask compares with a peer what both know of the routes, and fetches its layout
// if that is newer.
func (j *join) ask(id foci.NodeID) error {
	l := j.links.get(id)
	if l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(j.ctx, callTimeout)
	defer cancel()
	epoch, err := j.compare(ctx, l)
	if err != nil {
		return err
	}
	return j.newerLayout(l, epoch)
}

// compare makes both tables the same, and returns the epoch of the other's
// layout. A transport client tells nothing.
func (j *join) compare(ctx context.Context, l *mesh.Link) (foci.Epoch, error) {
	j.said.compared.Add(1)
	j.mu.Lock()
	mine := wire.Digest{Epoch: j.cfg.Layout.Epoch(), Sums: j.routes.Digest()}
	empty := j.routes.Len() == 0
	j.mu.Unlock()
	if empty {
		return j.askRoutes(ctx, l, &wire.Routes{Epoch: mine.Epoch, All: true})
	}
	r, err := l.Call(ctx, foci.State, wire.MethodDigest, mine.Append(nil), nil)
	if err != nil {
		return 0, err
	}
	var theirs wire.Versions
	if err := codec.Unmarshal(r.Head, &theirs); err != nil {
		return 0, err
	}
	q, proofs := wire.Routes{Epoch: mine.Epoch}, verifies(l.Peer())
	j.mu.Lock()
	q.Routes, q.Want = j.routes.Compare(&theirs, proofs, j.cfg.Mesh.Now())
	j.mu.Unlock()
	if !j.member() {
		q.Routes = nil
	}
	if len(q.Routes)+len(q.Want) == 0 {
		return theirs.Epoch, nil
	}
	return j.askRoutes(ctx, l, &q)
}

// askRoutes tells and asks for entries, and takes in the answer.
func (j *join) askRoutes(ctx context.Context, l *mesh.Link, q *wire.Routes) (foci.Epoch, error) {
	r, err := l.Call(ctx, foci.State, wire.MethodRoutes, q.Append(nil), nil)
	if err != nil {
		return 0, err
	}
	var theirs wire.Routes
	if err := codec.Unmarshal(r.Head, &theirs); err != nil {
		return 0, err
	}
	who := l.Peer()
	j.learn(&who, theirs.Routes)
	return theirs.Epoch, nil
}

// giveUpOld ends links to nodes that are not of the layout and have been away
// for long: those that left without a word.
func (j *join) giveUpOld(now time.Time) {
	l := j.cfg.Layout.Load()
	var old []foci.NodeID
	for id, k := range *j.links.all.Load() {
		away := k.Link != nil && !k.Up() && (l == nil || l.Node(id) == nil)
		j.mu.Lock()
		first, known := j.since[id]
		switch {
		case !away:
			delete(j.since, id)
		case !known:
			j.since[id] = now
		case now.Sub(first) >= givenUp:
			delete(j.since, id)
			j.routes.GiveUp(id)
			old = append(old, id)
		}
		j.mu.Unlock()
	}
	for _, id := range old {
		j.log.Info("node given up: it has been away for long and is not in the layout", "peer", id)
		j.hangUp(id)
	}
}
