package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// In these the layout has addresses for the nodes at which nobody is, as after
// a move. What each node has to find the others is the one thing that the test
// gives it.

// moved is a cluster whose layout is out of date about every address.
func (l *Lab) moved(names ...string) *Cluster {
	l.t.Helper()
	c := &Cluster{lab: l, nodes: map[*Host]*Process{}}
	for _, name := range names {
		c.hosts = append(c.hosts, l.Host(name))
	}
	c.init(func(h *Host) string { return fmt.Sprintf("%v:%d:2-0", l.lan.addr(200+h.ports[0].number), nodePort) })
	return c
}

// dead is an address of the network at which nobody is.
func (l *Lab) dead(i int) string { return fmt.Sprintf("%v:%d:2", l.lan.addr(150+i), nodePort) }

func seeds(list ...string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "seeds = [" + strings.Join(quoted, ", ") + "]\n"
}

// TestOneSeed: five nodes of which each knows one other make a whole mesh, and
// a newcomer with one living seed among four dead ones joins as fast as one
// with a living seed alone.
func TestOneSeed(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.moved("a", "b", "c", "d", "e")
	first := c.Host("a").Remote()
	c.Configure(c.Host("a"), seeds(first)) // itself: that is recognised
	for _, name := range []string{"b", "c"} {
		c.Configure(c.Host(name), seeds(first))
	}
	// Two that name each other, and one of them the first.
	c.Configure(c.Host("d"), seeds(c.Host("e").Remote()))
	c.Configure(c.Host("e"), seeds(c.Host("d").Remote(), first))
	c.Start()
	t.Logf("five nodes: whole after %v", c.AwaitWhole(10*time.Second).Round(time.Millisecond))

	joins := func(name string, list ...string) time.Duration {
		h := l.Host(name)
		c.Newcomer(h, seeds(list...))
		return l.Eventually(10*time.Second, name+" has links to all", func() error {
			m, err := h.Metrics()
			if err != nil {
				return err
			}
			for _, to := range c.hosts {
				if !m.Linked(to.name) {
					return fmt.Errorf("%s has no link to %s", name, to.name)
				}
			}
			return nil
		})
	}
	alone := joins("f", first)
	among := joins("g", l.dead(1), l.dead(2), l.dead(3), l.dead(4), first)
	t.Logf("joined after %v with a living seed, after %v with four dead ones besides", alone.Round(time.Millisecond), among.Round(time.Millisecond))
	if among > alone+500*time.Millisecond {
		t.Errorf("four dead seeds delayed a newcomer: %v instead of %v", among, alone)
	}
}

// TestNames: nodes find each other by one name that has an address of each, in
// IPv4 and IPv6, and of some at which nobody is; and by service records.
func TestNames(t *testing.T) {
	t.Parallel()
	l := New(t)
	c := l.moved("a", "b", "c", "d")
	r := &Resolver{Hosts: map[string][]netip.Addr{}, SRV: map[string][]SRV{}}
	all := []netip.Addr{l.lan.addr(150), l.lan.addr(151)}
	for _, h := range c.hosts {
		all = append(all, h.Addr(), h.Addr6()) // nobody listens on the latter
		r.Hosts[h.name+".lab."] = []netip.Addr{h.Addr()}
		r.SRV["_foci._tcp.lab."] = append(r.SRV["_foci._tcp.lab."], SRV{Target: h.name + ".lab.", Port: nodePort})
	}
	r.Hosts["nodes.lab."] = all
	l.Resolve(r)
	for _, name := range []string{"a", "b"} {
		c.Configure(c.Host(name), seeds(fmt.Sprintf("nodes.lab:%d:0", nodePort)))
	}
	for _, name := range []string{"c", "d"} {
		c.Configure(c.Host(name), seeds("srv:_foci._tcp.lab"))
	}
	c.Start()
	t.Logf("whole after %v, with %d questions", c.AwaitWhole(10*time.Second).Round(time.Millisecond), r.Asked())
}

// TestMulticast: nodes of one key find each other by their packets alone, in
// IPv4 and IPv6; a stranger with another key, which sends to the same group,
// finds nobody and harms nobody.
func TestMulticast(t *testing.T) {
	for family, group := range map[string]string{"ip4": "239.17.19.23:1026", "ip6": "[ff05::f0c1]:1026"} {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			l := New(t)
			c := l.moved("a", "b", "c")
			setting := fmt.Sprintf("multicast = %q\n", group)
			for _, h := range c.hosts {
				c.Configure(h, setting)
			}
			c.Start()
			t.Logf("whole after %v", c.AwaitWhole(10*time.Second).Round(time.Millisecond))
			stranger := l.moved("x", "y")
			for _, h := range stranger.hosts {
				stranger.Configure(h, setting)
			}
			stranger.Start()
			t.Logf("strangers: whole after %v", stranger.AwaitWhole(10*time.Second).Round(time.Millisecond))
			for _, h := range append(stranger.hosts, c.hosts...) {
				m, err := h.Metrics()
				if err != nil {
					t.Fatal(err)
				}
				links := 0
				for name := range m {
					if strings.HasPrefix(name, "foci_mesh_link_up{") {
						links++
					}
				}
				if want := len(c.hosts) - 1; h == stranger.hosts[0] || h == stranger.hosts[1] {
					if links != 1 {
						t.Errorf("stranger %s has %d links, want 1", h.name, links)
					}
				} else if links != want {
					t.Errorf("%s has %d links, want %d", h.name, links, want)
				}
			}
		})
	}
}
