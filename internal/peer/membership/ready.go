package membership

import (
	"context"
	"fmt"
	"time"

	"github.com/foci-store/foci"
)

// settleTime is how long Ready waits for links to the rest of the nodes once one
// is up, so that the first operations reach them too.
const settleTime = time.Second

// Ready waits until this process can work: it has a layout, a link to some
// node, and the others were at least tried. It fails at once when every seed
// was tried and none could be reached, and when no node is in our tables.
func (m *Members) Ready(ctx context.Context) error {
	var settled <-chan time.Time
	look := time.NewTicker(20 * time.Millisecond) // failures to dial are not told
	defer look.Stop()
	for {
		change := m.view.change()
		err := m.view.hopeless()
		up, tried := m.linked()
		switch {
		case up && tried:
			return m.inTables()
		case up && settled == nil:
			settled = time.After(settleTime)
		case err != nil:
			return err
		}
		select {
		case <-change:
		case <-look.C:
		case <-settled:
			return m.inTables()
		case <-ctx.Done():
			return foci.Errorf(foci.Unreachable, "no node sent its layout in time: %w", context.Cause(ctx))
		}
	}
}

// linked reports whether a link to a node of the layout is up, and whether all
// were at least tried.
func (m *Members) linked() (up, tried bool) {
	l := m.Layout()
	if l == nil {
		return false, false
	}
	tried = true
	for i := range l.Nodes {
		switch k := m.mesh.Peer(l.Nodes[i].ID); {
		case k == nil:
		case k.Up():
			up = true
		case k.Stats().Failures == 0:
			tried = false
		}
	}
	return up, tried
}

// inTables is NoRoute when no other node has an address in our tables. The node
// that told the layout was reached by a seed's address, whatever its table.
func (m *Members) inTables() error {
	l := m.Layout()
	others := 0
	for i := range l.Nodes {
		id := l.Nodes[i].ID
		if id == m.cfg.Node {
			continue
		}
		if len(m.view.usable(id, placed(l, id))) > 0 {
			return nil
		}
		others++
	}
	if others == 0 {
		return nil
	}
	return &foci.Error{
		Kind: foci.NoRoute, Msg: fmt.Sprintf("no node has an address in our tables %v", m.OwnTables()),
		Fix: "foci route shows which tables there are; name them with --tables",
	}
}
