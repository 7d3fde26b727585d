package sim

import "time"

// network carries messages between endpoints, badly.
type network struct {
	*world
	loss    float64
	doubled float64
	slow    float64              // share of messages that take up to two seconds
	cut     map[[2]endpoint]bool // from, to
	lost    int
}

// endpoint numbers nodes from 0 and clients from 100.
type endpoint int

// send delivers f at to, sometimes late, twice or never.
func (n *network) send(from, to endpoint, f func()) {
	copies := 1
	if n.chance(n.doubled) {
		copies = 2
	}
	for range copies {
		if n.chance(n.loss) {
			n.lost++
			continue
		}
		d := n.between(200*time.Microsecond, 3*time.Millisecond)
		if n.chance(n.slow) {
			d = n.between(0, 2*time.Second)
		}
		n.after(d, func() {
			// A cut swallows what is on its way, too.
			if n.cut[[2]endpoint{from, to}] {
				n.lost++
				return
			}
			f()
		})
	}
}

// heal makes the network perfect; what is on its way still arrives when it does.
func (n *network) heal() {
	n.loss, n.doubled, n.slow = 0, 0, 0
	clear(n.cut)
}
