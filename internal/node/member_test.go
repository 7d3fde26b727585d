package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testwait"
)

// member is a node that no layout knows: what it finds it finds by itself.
func member(t testing.TB, change func(*node.Config), seeds ...route.Address) *node.Node {
	t.Helper()
	cfg := node.Config{
		Cluster: "test", Dir: "/data", Role: foci.RoleData, FS: vfs.NewCrashable(), Grace: 50 * time.Millisecond,
		Addresses: []route.Bind{{Addr: address(t)}},
	}
	for _, s := range seeds {
		cfg.Seeds = append(cfg.Seeds, s.Remote())
	}
	if change != nil {
		change(&cfg)
	}
	return start(t, cfg)
}

func at(n *node.Node) route.Address {
	a, _ := route.ParseAddress(n.Status().Addrs[0])
	return a
}

// knows reports whether a node has another one in its table and a link to it.
func knows(n, other *node.Node) bool {
	inTable := false
	for _, m := range n.Members() {
		inTable = inTable || m.Node == other.ID()
	}
	return inTable && linked(n, other.ID())
}

func linked(n *node.Node, id foci.NodeID) bool {
	for _, l := range n.Mesh().Links {
		if l.Peer.Node == id {
			return l.Up
		}
	}
	return false
}

// soon waits for a state that no event tells of.
func soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	testwait.True(t, 20*time.Second, what, is)
}

func whole(t testing.TB, all ...*node.Node) {
	t.Helper()
	for _, a := range all {
		for _, b := range all {
			if a != b {
				soon(t, fmt.Sprintf("%v knows %v", a.ID().Short(), b.ID().Short()), func() bool { return knows(a, b) })
			}
		}
	}
}

func silent(t testing.TB) route.Address {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	a, err := route.ParseAddress(ln.Addr().String() + ":2-0")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// "It reads a list of seed nodes … As the node discovers more instances, it
// connects to them, asks them for information about all the nodes they know and
// then attempts to connect to them all and officially join the cluster."
func TestNewcomerLearnsTheClusterFromOneMember(t *testing.T) {
	first := member(t, nil)
	all := []*node.Node{first}
	for range 4 {
		all = append(all, member(t, nil, at(first)))
	}
	whole(t, all...)
	newcomer := member(t, nil, at(all[3]))
	whole(t, append(all, newcomer)...)
}

// One live seed of five is as good as five.
func TestDeadSeedsDelayNobody(t *testing.T) {
	first := member(t, nil)
	began := time.Now()
	second := member(t, nil, silent(t), address(t), silent(t), address(t), at(first))
	whole(t, first, second)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Two nodes that start at the same moment and name each other find each other;
// so does one that names itself as well.
func TestNodesThatNameEachOther(t *testing.T) {
	a, b := address(t), address(t)
	bind := func(x route.Address) func(*node.Config) {
		return func(c *node.Config) { c.Addresses = []route.Bind{{Addr: x}} }
	}
	one := member(t, bind(a), a, b)
	two := member(t, bind(b), a, b)
	whole(t, one, two)
}

// "… and sends multicast messages looking for other nodes in the same cluster."
func TestNodesFindEachOtherByMulticast(t *testing.T) {
	group := netip.AddrPortFrom(netip.MustParseAddr("239.17.19.23"), uint16(20000+rand.IntN(10000)))
	key, err := auth.NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.NewKey(bytes.NewReader(bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	by := func(k auth.Key) func(*node.Config) {
		return func(c *node.Config) { c.Multicast, c.Auth = group, auth.WithKey(k) }
	}
	stranger := member(t, by(other))
	a, b, c := member(t, by(key)), member(t, by(key)), member(t, by(key))
	whole(t, a, b, c)
	for _, n := range []*node.Node{a, b, c} {
		if len(n.Members()) != 3 {
			t.Errorf("a node knows %d members", len(n.Members()))
		}
	}
	if n := stranger.Members(); len(n) != 1 {
		t.Errorf("the stranger knows %d members", len(n))
	}
	soon(t, "the stranger's packets are counted", func() bool {
		k, _ := a.Beacons()
		return k.Strange > 0 && k.Taken > 0
	})
}

func TestMulticastWithoutAKeyIsRefused(t *testing.T) {
	cfg := node.Config{
		Cluster: "test", Dir: "/data", Role: foci.RoleData, FS: vfs.NewCrashable(), Addresses: []route.Bind{{Addr: address(t)}},
		Multicast: netip.MustParseAddrPort("239.17.19.23:20001"),
	}
	if _, err := node.New(cfg); foci.KindOf(err) != foci.Invalid {
		t.Errorf("%v", err)
	}
}

// Peers that a node knew last are its seeds when it starts again.
func TestPeersAreRemembered(t *testing.T) {
	fs := vfs.NewCrashable()
	home := address(t)
	keep := func(c *node.Config) { c.FS, c.Addresses = fs, []route.Bind{{Addr: home}} }
	first := member(t, nil)
	again := member(t, keep, at(first))
	whole(t, first, again)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	whole(t, first, member(t, keep))
}

// "The client node becomes a full participant in the full mesh … all the existing
// nodes in the cluster will connect back to the instance … Whenever a node client
// joins or leaves it causes … updating the cluster state."
func TestNodeClientIsAMember(t *testing.T) {
	a := member(t, nil)
	b := member(t, nil, at(a))
	whole(t, a, b)
	c := member(t, func(c *node.Config) { c.Role = foci.RoleClient }, at(a))
	whole(t, a, b, c)
	for _, m := range b.Members() {
		if m.Node == c.ID() && (m.Role != foci.RoleClient || m.From.IsZero()) {
			t.Errorf("it is known as %+v", m)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node.Node{a, b} {
		soon(t, "the client is forgotten", func() bool { return len(n.Members()) == 2 && !linked(n, c.ID()) })
	}
}
