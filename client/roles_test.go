package client_test

import (
	"context"
	"flag"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testcluster"
	"github.com/foci-store/foci/internal/testports"
	"github.com/foci-store/foci/internal/testwait"
)

var visits = flag.Int("visits", 200, "how many transport clients come and go")

// soon waits for a state that no event tells of.
func soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	testwait.True(t, 20*time.Second, what, is)
}

// members are the ids of those that a node has in its table.
func members(n *node.Node, role foci.Role) (ids []foci.NodeID) {
	for _, m := range n.Members() {
		if m.Role == role {
			ids = append(ids, m.Node)
		}
	}
	return ids
}

func linkUp(n *node.Node, id foci.NodeID) bool {
	for _, l := range n.Mesh().Links {
		if l.Peer.Node == id {
			return l.Up
		}
	}
	return false
}

// joinTo makes a node client of a cluster. It knows one node.
func joinTo(t *testing.T, c *cluster) (m *client.Client, addr string) {
	t.Helper()
	addr = testports.Addr(t) + ":2-0"
	m, err := client.Join(t.Context(), client.Member{
		Config: client.Config{Remotes: c.Addrs[:1], Logger: testcluster.Logger()}, Addresses: []client.Address{{Addr: addr}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, addr
}

// TestJoin: a node client is in everyone's table, everyone dials it back, it
// stores nothing, and it is gone when it leaves.
func TestJoin(t *testing.T) {
	c := newCluster(t, 3, 3)
	m, addr := joinTo(t, c)
	defer m.Close()
	for _, n := range c.Nodes {
		soon(t, "it is known and dialled back", func() bool {
			ids := members(n, foci.RoleClient)
			return len(ids) == 1 && linkUp(n, ids[0])
		})
	}
	name := foci.Name{Bucket: "bucket", Key: "k"}
	if _, err := m.Session(client.SessionOptions{}).Put(t.Context(), name, strings.NewReader("x"), 1, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	var mine *client.Route
	for _, r := range c.dialWith(client.Config{}).Routes() {
		if r.Role == foci.RoleClient {
			mine = &r
		}
	}
	if mine == nil || mine.Addrs[0].Addr != addr || mine.Addrs[0].Used {
		t.Errorf("a transport client knows it as %+v", mine)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes {
		soon(t, "it is gone", func() bool { return len(members(n, foci.RoleClient)) == 0 })
	}
}

func TestJoinRefuses(t *testing.T) {
	for _, m := range []client.Member{
		{Config: client.Config{Remotes: []string{"127.0.0.1:1:2"}}},
		{Addresses: []client.Address{{Addr: "nonsense"}}},
		{Addresses: []client.Address{{Addr: "127.0.0.1:1:2-0"}}, Config: client.Config{Stay: true}},
	} {
		if _, err := client.Join(t.Context(), m); foci.KindOf(err) != foci.Invalid {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// said sums what the nodes told each other, and compared, about routes.
func said(c *cluster) (told, compared uint64) {
	for _, n := range c.Nodes {
		k := n.RouteCounters()
		told, compared = told+k.Told, compared+k.Compared
	}
	return told, compared
}

// settled waits until the nodes have told each other all that there was.
func settled(t *testing.T, c *cluster) {
	t.Helper()
	for _, n := range c.Nodes {
		soon(t, "the nodes know each other", func() bool { return len(n.Members()) == len(c.Nodes) })
	}
	for last := ^uint64(0); ; {
		told, _ := said(c)
		if told == last {
			return
		}
		last = told
		time.Sleep(200 * time.Millisecond) // ten times as long as what is told may wait
	}
}

// TestTransportClientsAreNobodysBusiness: they come and go, some of them watch,
// and no node tells another one a word of it, nor dials back.
func TestTransportClientsAreNobodysBusiness(t *testing.T) {
	c := newCluster(t, 3, 3)
	settled(t, c)
	told, compared := said(c)
	began := time.Now()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 50)
	for i := range *visits {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cl, err := client.Dial(ctx, client.Config{Remotes: c.Addrs[i%3 : i%3+1], Stay: i%4 == 0})
			if err != nil {
				t.Error(err)
				return
			}
			if i%10 == 0 {
				time.Sleep(800 * time.Millisecond) // until it watches
			}
			if err := cl.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	told2, compared2 := said(c)
	// Each node compares with a random one every 5 to 15 s, clients or not.
	usual := uint64(len(c.Nodes)) * uint64(time.Since(began)/(5*time.Second)+1)
	if told2 != told || compared2-compared > usual {
		t.Errorf("%d messages told, %d comparisons, usual are %d", told2-told, compared2-compared, usual)
	}
	for i, n := range c.Nodes {
		if len(n.Members()) != 3 || len(n.Mesh().Links) != 2 {
			t.Errorf("node %d knows %d members and has %d links", i, len(n.Members()), len(n.Mesh().Links))
		}
		soon(t, "nobody watches any more", func() bool { return n.Watchers() == 0 })
	}
	t.Logf("%d clients in %v: %d messages between nodes about them", *visits, time.Since(began), told2-told)
}

// TestClientHearsOfChanges: a member that joins later is known to a client that
// was there before, within a moment.
func TestClientHearsOfChanges(t *testing.T) {
	c := newCluster(t, 3, 3)
	settled(t, c)
	cl := c.dialWith(client.Config{})
	soon(t, "it watches", func() bool {
		n := 0
		for _, k := range c.Nodes {
			n += k.Watchers()
		}
		return n == 1
	})
	addr := testports.Addr(t) + ":2-0"
	m, err := client.Join(t.Context(), client.Member{Config: client.Config{Remotes: c.Addrs[:1]}, Addresses: []client.Address{{Addr: addr}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	soon(t, "the client hears of it", func() bool {
		for _, r := range cl.Routes() {
			if len(r.Addrs) == 1 && r.Addrs[0].Addr == addr && r.ToldBy != "" {
				return true
			}
		}
		return false
	})
}

// TestStay: such a client has links to the nodes it was given and to no other.
func TestStay(t *testing.T) {
	c := newCluster(t, 3, 3)
	settled(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cl, err := client.Dial(ctx, client.Config{Remotes: c.Addrs[1:2], Stay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	soon(t, "it knows all", func() bool { return len(cl.Routes()) == 3 })
	own, err := cl.Mesh(ctx)
	if err != nil || len(own[0].Is.Links) != 1 || own[0].Is.Links[0].Peer.Node != c.Nodes[1].ID() {
		t.Errorf("%+v, %v", own[0].Is.Links, err)
	}
	// What the others own goes by the one that it was given, and comes back.
	sess := cl.Session(client.SessionOptions{})
	name := foci.Name{Bucket: "bucket", Key: "stay"}
	content := strings.Repeat("x", 300<<10)
	if _, err := sess.Put(ctx, name, strings.NewReader(content), int64(len(content)), client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	c.stop(2)
	o, err := sess.Get(ctx, name, client.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if b, err := io.ReadAll(o); err != nil || string(b) != content {
		t.Errorf("%d bytes came back, %v", len(b), err)
	}
}
