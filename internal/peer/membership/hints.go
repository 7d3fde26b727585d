package membership

import (
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/names"
)

// maxHints is how many hints are dialled at a time.
const maxHints = 8

// Hint handles a route from a beacon, which has no proof. If routes need proofs, it does
// not enter the table: its addresses are dialled, and the node that answers
// authenticates itself and sends its route.
func (m *Members) Hint(r wire.Route) {
	if m.prover == nil {
		m.Learn(r.Node, []wire.Route{r})
		return
	}
	m.dialer.hint(r)
}

// hint dials the addresses of an unproved route, unless a link to its node is up.
func (d *dialer) hint(r wire.Route) {
	if r.Node == d.cfg.Node || d.At(r.Node) != "" || d.ctx.Err() != nil {
		return
	}
	select {
	case d.hints <- struct{}{}:
		d.tasks.Go(func() {
			defer func() { <-d.hints }()
			d.dialHint(&r)
		})
	default: // the next beacon comes soon
	}
}

// dialHint dials the addresses of a route in our tables until a node answers.
func (d *dialer) dialHint(r *wire.Route) {
	var places []route.Address
	for _, text := range r.Addrs {
		a, err := route.ParseAddress(text)
		if err != nil || !d.view.uses(a.Table) {
			continue
		}
		found, err := names.Resolve(d.ctx, a.Remote())
		if err == nil {
			places = append(places, found...)
		}
	}
	if len(places) == 0 {
		return
	}
	if err := d.dialAny(places); err != nil && d.ctx.Err() == nil {
		d.log.Debug("the node of a beacon cannot be reached", "peer", r.Node, "err", err)
	}
}
