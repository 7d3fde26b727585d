package beacon

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Unix(1_900_000_000, 0)

func entry(n byte) wire.Route {
	return wire.Route{Node: foci.NodeID{n}, Incarnation: 3, Counter: 1, Role: foci.RoleData, Addrs: []string{"10.0.0.1:1025:2-0"}}
}

func packet(key byte, b wire.Beacon) []byte { return seal(&[32]byte{key}, &b) }

func keysOf(first ...byte) func() [][32]byte {
	return func() (out [][32]byte) {
		for _, b := range first {
			out = append(out, [32]byte{b})
		}
		return out
	}
}

func newGuard() *guard {
	return &guard{cfg: &Config{Keys: keysOf(1), Cluster: "c", Node: foci.NodeID{9}}}
}

var host = netip.MustParseAddr("192.0.2.7")

func TestWhichPacketsCount(t *testing.T) {
	g := newGuard()
	at := now.UnixNano()
	good := packet(1, wire.Beacon{Time: at, Nonce: 1, Cluster: "c", Route: entry(1)})
	changed := append([]byte(nil), good...)
	changed[30] ^= 1
	ahead := entry(5)
	ahead.Incarnation = route.Latest(at) + 1
	for i, c := range []struct {
		what  string
		p     []byte
		taken bool
		count *uint64
	}{
		{"a member's", good, true, &g.count.Taken},
		{"the same again", good, false, &g.count.Repeated},
		{"an older one of it", packet(1, wire.Beacon{Time: at - 1, Nonce: 2, Cluster: "c", Route: entry(1)}), false, &g.count.Repeated},
		{"a newer one of it", packet(1, wire.Beacon{Time: at + 1, Nonce: 3, Cluster: "c", Route: entry(1)}), true, &g.count.Taken},
		{"our own", packet(1, wire.Beacon{Time: at, Nonce: 4, Cluster: "c", Route: entry(9)}), false, &g.count.Repeated},
		{"a stranger's", packet(2, wire.Beacon{Time: at, Nonce: 5, Cluster: "c", Route: entry(2)}), false, &g.count.Strange},
		{"one that was changed", changed, false, &g.count.Strange},
		{"half of one", good[:len(good)/2], false, &g.count.Strange},
		{"none at all", nil, false, &g.count.Strange},
		{"another cluster's", packet(1, wire.Beacon{Time: at, Nonce: 6, Cluster: "d", Route: entry(3)}), false, &g.count.Foreign},
		{"an old one", packet(1, wire.Beacon{Time: now.Add(-window - 1).UnixNano(), Nonce: 7, Cluster: "c", Route: entry(4)}), false, &g.count.Untimely},
		{"one of an incarnation too far ahead", packet(1, wire.Beacon{Time: at, Nonce: 9, Cluster: "c", Route: ahead}), false, &g.count.Untimely},
		{"one of the future", packet(1, wire.Beacon{Time: now.Add(window + 1).UnixNano(), Nonce: 8, Cluster: "c", Route: entry(4)}), false, &g.count.Untimely},
	} {
		before := *c.count
		if r := g.take(c.p, host, now); (r != nil) != c.taken || *c.count != before+1 {
			t.Errorf("%d, %s: taken %v, counted %+v", i, c.what, r != nil, g.count)
		}
	}
}

// TestAnyKeyCounts: while keys are rotated a packet made with either is taken.
func TestAnyKeyCounts(t *testing.T) {
	g := newGuard()
	g.cfg.Keys = keysOf(1, 2)
	for key, taken := range map[byte]bool{1: true, 2: true, 3: false} {
		if r := g.take(packet(key, wire.Beacon{Time: now.UnixNano(), Cluster: "c", Route: entry(key)}), host, now); (r != nil) != taken {
			t.Errorf("key %d: taken %v", key, r != nil)
		}
	}
}

// TestBeaconsAreBounded: of one source, and in what is kept of nodes and sources.
func TestBeaconsAreBounded(t *testing.T) {
	g := newGuard()
	send := func(from netip.Addr, node int, at time.Time) bool {
		r := entry(1)
		r.Node = foci.NodeID{1, byte(node), byte(node >> 8)}
		return g.take(packet(1, wire.Beacon{Time: at.UnixNano(), Cluster: "c", Route: r}), from, at) != nil
	}
	for n := range 10 * perSecond {
		send(host, n, now)
	}
	if g.count.Over != 9*perSecond || g.count.Taken != perSecond {
		t.Errorf("%+v", g.count)
	}
	if !send(host.Next(), 1000, now) || !send(host, 1001, now.Add(time.Second)) {
		t.Error("another source, or the same a second later, is not heard")
	}
	from := netip.MustParseAddr("10.0.0.0")
	for n := range maxSeen + 100 {
		from = from.Next()
		send(from, n, now.Add(time.Minute))
	}
	if len(g.seen) != maxSeen || len(g.sources) != maxSources {
		t.Errorf("%d nodes and %d sources are kept in mind", len(g.seen), len(g.sources))
	}
}

// TestJunkDropsNoBeacon: neither packets made without the key nor replays keep a
// member from being heard, even under its own source address.
func TestJunkDropsNoBeacon(t *testing.T) {
	g := newGuard()
	junk := packet(2, wire.Beacon{Time: now.UnixNano(), Cluster: "c", Route: entry(3)})
	old := packet(1, wire.Beacon{Time: now.UnixNano(), Cluster: "c", Route: entry(2)})
	for range 1000 {
		g.take(junk, host, now)
		g.take(old, host, now)
	}
	if g.take(packet(1, wire.Beacon{Time: now.UnixNano(), Cluster: "c", Route: entry(1)}), host, now) == nil {
		t.Errorf("a member was not heard: %+v", g.count)
	}
}

// BenchmarkJunk is what one of the longest packets costs that is made without the key.
func BenchmarkJunk(b *testing.B) {
	g := newGuard()
	junk := append([]byte(mark), make([]byte, wire.MaxBeacon-len(mark))...)
	for b.Loop() {
		g.take(junk, host, now)
	}
}

// TestLongBeaconIsCut and says so, that nobody takes it for all.
func TestLongBeaconIsCut(t *testing.T) {
	r := entry(1)
	for range foci.MaxAddrs - 1 {
		r.Addrs = append(r.Addrs, strings.Repeat("a", 60)+"."+strings.Repeat("b", 60)+".example:1025:2-0")
	}
	p := packet(1, wire.Beacon{Time: 1, Cluster: "c", Route: r})
	b, err := open(newMAC(&[32]byte{1}), p)
	if err != nil || len(p) > wire.MaxBeacon || b.Route.Counter != 0 || len(b.Route.Addrs) == 0 || len(b.Route.Addrs) >= len(r.Addrs) {
		t.Errorf("%d bytes, %+v, %v", len(p), b, err)
	}
}

func TestParseGroup(t *testing.T) {
	for _, s := range []string{"239.17.19.23:1026", "[ff05::f0c1]:1026", "[ff02::f0c1]:1"} {
		if g, err := ParseGroup(s); err != nil || g.String() != s {
			t.Errorf("%s is %v, %v", s, g, err)
		}
	}
	for _, s := range []string{"", "239.17.19.23", "10.0.0.1:1026", "239.17.19.23:0", "[::ffff:239.1.1.1]:5", strings.Repeat("x", 1000)} {
		if _, err := ParseGroup(s); foci.KindOf(err) != foci.Invalid || len(err.Error()) > 300 {
			t.Errorf("%.20s: %v", s, err)
		}
	}
}

// TestTwoNodesHearEachOther by real packets, of each family.
func TestTwoNodesHearEachOther(t *testing.T) {
	for _, group := range []string{"239.17.19.23:17023", "[ff05::f0c1]:17024"} {
		t.Run(group, func(t *testing.T) {
			heard := make(chan foci.NodeID, 100)
			for _, c := range []struct{ key, node byte }{{1, 1}, {1, 2}, {2, 3}} {
				b, err := New(Config{
					Group: netip.MustParseAddrPort(group), Keys: keysOf(c.key), Cluster: "c", Node: foci.NodeID{c.node},
					Self:  func() wire.Route { return entry(c.node) },
					Alone: func() bool { return true },
					Heard: func(r wire.Route) { heard <- r.Node },
				})
				if err != nil {
					t.Skip("no multicast here: ", err)
				}
				defer b.Close()
			}
			got := map[foci.NodeID]bool{}
			for len(got) < 2 {
				select {
				case id := <-heard:
					if got[id] = true; id == (foci.NodeID{3}) {
						t.Fatal("a stranger was heard")
					}
				case <-time.After(10 * time.Second):
					t.Fatalf("heard of %v only", got)
				}
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(packet(1, wire.Beacon{Time: 1, Nonce: 2, Cluster: "c", Route: entry(1)})[:40], true)
	f.Add([]byte(mark), false)
	f.Fuzz(func(t *testing.T, p []byte, sealed bool) {
		key := [32]byte{1}
		if sealed { // else nothing would ever be parsed
			p = append([]byte(mark), p...)
			p = append(p, code(newMAC(&key), p)...)
		}
		b, err := open(newMAC(&key), p)
		if err != nil {
			return
		}
		again, err := open(newMAC(&key), seal(&key, b))
		if err != nil || again.Route.Node != b.Route.Node || again.Time != b.Time {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
	})
}
