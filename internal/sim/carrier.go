package sim

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// carrier brings questions to nodes and answers back, resending what stalls.
type carrier struct{ *client }

func newCarrier(c *client) *carrier { return &carrier{c} }

func (c *carrier) ask(g foci.Group, m wire.Message, done func(quorum.Answer)) {
	to, ok := c.layouts[target(m).Epoch][g]
	if !ok {
		done(quorum.Answer{Err: foci.Errorf(foci.NoRoute, "no group %d", g)})
		return
	}
	ended := false
	sent := 0
	end := func(a quorum.Answer) {
		if !ended {
			ended = true
			a.Stray = sent > 1
			done(a)
		}
	}
	n := c.nodes[to]
	var send func()
	send = func() {
		if ended {
			return
		}
		if sent == 6 {
			end(quorum.Answer{Err: foci.Errorf(foci.Stalled, "group %d: no answer", g)})
			return
		}
		sent++
		c.send(c.at, to, func() {
			n.handle(m, func(a quorum.Answer) { c.send(to, c.at, func() { end(a) }) })
		})
		c.after(200*time.Millisecond, send)
	}
	send()
}
