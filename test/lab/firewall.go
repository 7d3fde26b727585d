package lab

import (
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// Firewall is a router between two networks that lets through what a TCP
// handshake began, until it has forgotten it.
type Firewall struct{ host *Host }

// Firewall joins a network to the lab's first one, and makes it the way of all
// hosts of either to the other, and of the test to the far one. It forgets a
// connection that was idle for so long: what is sent on it later vanishes.
func (l *Lab) Firewall(far *Network, forget time.Duration) *Firewall {
	l.t.Helper()
	r := l.Host("firewall", l.lan, far)
	r.Set("net/ipv4/ip_forward", "1")
	r.Set("net/netfilter/nf_conntrack_tcp_loose", "0") // a packet in the middle of nothing begins no connection
	r.Set("net/netfilter/nf_conntrack_tcp_timeout_established", strconv.Itoa(int(forget.Seconds())))
	r.nat = []string{
		"ct state established accept",
		"ct state new tcp flags & (syn | ack) == syn accept",
		"ct state new meta l4proto != tcp accept",
		"counter drop",
	}
	r.filter()
	// The test itself is on the near side alone.
	err := ip("addr flush dev "+far.bridge(), fmt.Sprintf("route add %v/24 via %v", far.addr(0), r.AddrOn(0)))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, h := range l.hosts {
		if h == r {
			continue
		}
		lines := fmt.Sprintf("route replace default via %v\n", r.AddrOn(0))
		if h.ports[0].net == far {
			lines = fmt.Sprintf("route replace default via %v\n", r.AddrOn(1))
		}
		if err := feed(exec.Command("ip", "-n", h.ns, "-batch", "-"), lines); err != nil {
			l.t.Fatal(err)
		}
	}
	return &Firewall{r}
}
