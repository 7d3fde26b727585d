package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is something that is broken until it is healed.
type Fault struct {
	on    []*Host
	rules map[*Host][]string
}

// Heal mends it. Healing twice does nothing.
func (f *Fault) Heal() {
	for _, h := range f.on {
		h.rules = slices.DeleteFunc(h.rules, func(r *Fault) bool { return r == f })
		h.filter()
	}
	f.on = nil
}

// breaks makes a fault of rules for what comes in to each of the hosts.
func (l *Lab) breaks(rules map[*Host][]string) *Fault {
	l.t.Helper()
	f := &Fault{rules: rules}
	for h := range rules {
		f.on = append(f.on, h)
		h.rules = append(h.rules, f)
		h.filter()
	}
	return f
}

// Cut drops everything between two hosts.
func (l *Lab) Cut(a, b *Host) *Fault {
	l.t.Helper()
	return l.breaks(map[*Host][]string{a: from(b, "drop"), b: from(a, "drop")})
}

// CutOneWay drops every packet from one host to another, not those that come
// back. No TCP connection between them gets far then, whichever end opens it.
func (l *Lab) CutOneWay(sender, receiver *Host) *Fault {
	l.t.Helper()
	return l.breaks(map[*Host][]string{receiver: from(sender, "drop")})
}

// CutDials drops every connection that one host opens to another, those that
// are open already too, as a firewall does that lets a site call out only.
// What the other host opens works in both directions.
func (l *Lab) CutDials(dialler, listener *Host) *Fault {
	l.t.Helper()
	return l.breaks(map[*Host][]string{listener: from(dialler, "ct direction original meta l4proto tcp drop")})
}

// Loss drops a share of the packets that come in to a host, from 0 to 1.
func (l *Lab) Loss(h *Host, share float64) *Fault {
	l.t.Helper()
	return l.breaks(map[*Host][]string{h: {fmt.Sprintf("numgen random mod 10000 < %d drop", int(share*10000))}})
}

// Reset answers one TCP connection, named by its ports, with a reset in both
// directions, until it is healed.
func (l *Lab) Reset(dialler *Host, dialPort int, listener *Host, port int) *Fault {
	l.t.Helper()
	return l.breaks(map[*Host][]string{
		listener: from(dialler, fmt.Sprintf("tcp sport %d tcp dport %d reject with tcp reset", dialPort, port)),
		dialler:  from(listener, fmt.Sprintf("tcp sport %d tcp dport %d reject with tcp reset", port, dialPort)),
	})
}

// from are rules for packets from a host, by each of its addresses.
func from(h *Host, rest string) []string {
	var rules []string
	for _, p := range h.ports {
		rules = append(rules, fmt.Sprintf("ip saddr %v %s", p.net.addr(p.number), rest), fmt.Sprintf("ip6 saddr %v %s", p.net.addr6(p.number), rest))
	}
	return rules
}

// filter sets the host's packet filter to what is broken now, in one step. It
// tracks connections from the beginning, so that it knows who opened each.
func (h *Host) filter() {
	h.lab.t.Helper()
	lines := []string{
		"add table inet lab",
		"add chain inet lab in { type filter hook input priority 0; }",
		"add chain inet lab out { type filter hook output priority 0; }",
		"add chain inet lab forward { type filter hook forward priority 0; }",
		"flush table inet lab",
		"add rule inet lab out ct state new counter",
	}
	for _, f := range h.rules {
		for _, r := range f.rules[h] {
			lines = append(lines, "add rule inet lab in "+r)
		}
	}
	for _, r := range h.nat {
		lines = append(lines, "add rule inet lab forward "+r)
	}
	if err := feed(h.command("nft", "-f", "-"), strings.Join(lines, "\n")+"\n"); err != nil {
		h.lab.t.Fatal(err)
	}
}
