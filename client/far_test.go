package client_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testports"
)

// farAway forwards connections to a node, each way late by half of rtt.
type farAway struct {
	to  string
	rtt time.Duration
	all sync.WaitGroup
}

func newFarAway(t *testing.T, at, to string, rtt time.Duration) {
	t.Helper()
	ln, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	f := &farAway{to: to, rtt: rtt}
	f.all.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			f.all.Go(func() { f.carry(in) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		f.all.Wait()
	})
}

func (f *farAway) carry(in net.Conn) {
	out, err := net.Dial("tcp", f.to)
	if err != nil {
		_ = in.Close()
		return
	}
	f.all.Go(func() { f.late(in, out) })
	f.late(out, in)
}

// late copies what comes, each piece as late as the way is long. Any number of
// pieces may be on the way.
func (f *farAway) late(from, to net.Conn) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan piece, 4096)
	f.all.Go(func() {
		for p := range way {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.bytes); err != nil {
				break
			}
		}
		_ = to.Close()
		for range way { // to its end
		}
	})
	defer close(way)
	for {
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if n > 0 {
			way <- piece{buf[:n], time.Now().Add(f.rtt / 2)}
		}
		if err != nil {
			if err == io.EOF {
				return
			}
			_ = from.Close()
			return
		}
	}
}

// TestDatacentersFarApart puts 5, 50 and 150 ms before three nodes. A get costs
// one round trip to the second nearest and a put two, whoever is the farthest;
// and a link that is merely long is neither stalled nor given up.
func TestDatacentersFarApart(t *testing.T) {
	rtts := []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 150 * time.Millisecond}
	c := newClusterWith(t, 3, 3, func(i int, cfg *node.Config) {
		known := cfg.Layout.Nodes[i].Addrs[0]
		listen := netip.MustParseAddrPort(testports.Addr(t))
		newFarAway(t, known.HostPort(), listen.String(), rtts[i])
		cfg.Addresses = []route.Bind{{Addr: known, Listen: listen}}
	})
	conn := c.dialWith(client.Config{})
	s := conn.Session(client.SessionOptions{Timeout: 20 * time.Second})
	for i := range 10 { // who is near is learnt
		put(t, s, fmt.Sprintf("warm/%d", i), []byte("x"))
	}
	var puts, gets []time.Duration
	for i := range 21 {
		key := fmt.Sprintf("far/%d", i)
		began := time.Now()
		put(t, s, key, []byte("content"))
		puts = append(puts, time.Since(began))
		began = time.Now()
		get(t, s, key, client.GetOptions{})
		gets = append(gets, time.Since(began))
	}
	slices.Sort(puts)
	slices.Sort(gets)
	second := rtts[1]
	if m := gets[len(gets)/2]; m < second || m > second*3/2 {
		t.Errorf("a get takes %v, want one round trip of %v", m, second)
	}
	if m := puts[len(puts)/2]; m < 2*second || m > 2*second*3/2 {
		t.Errorf("a put takes %v, want two round trips of %v", m, second)
	}
	t.Logf("median get %v, put %v", gets[len(gets)/2], puts[len(puts)/2])
	all, err := conn.Txns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if n := p.Is.Counters; n.Stalls > 0 || n.Resent > 0 {
			t.Errorf("%d stalls and %d resends on ways that are merely long", n.Stalls, n.Resent)
		}
	}
}

// TestNodesThatHaveMoved starts nodes at other addresses than the layout has
// for them, before anybody has told that: a client that is given the new ones
// uses these.
func TestNodesThatHaveMoved(t *testing.T) {
	c := newClusterWith(t, 3, 3, func(i int, cfg *node.Config) {
		moved := cfg.Layout.Nodes[i].Addrs[0]
		moved.Port = uint16(testports.Reserve(t, 1))
		cfg.Addresses = []route.Bind{{Addr: moved}}
	})
	for i, n := range c.Nodes {
		a, err := route.ParseAddress(n.Status().Addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		c.Addrs[i] = a.Remote().String()
	}
	s := c.dial(client.SessionOptions{Timeout: 10 * time.Second})
	put(t, s, "moved", []byte("content"))
	if got := get(t, s, "moved", client.GetOptions{}); string(got) != "content" {
		t.Errorf("got %q", got)
	}
}
