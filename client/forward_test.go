package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// remotesIn are the nodes' addresses in a table.
func (c *cluster) remotesIn(table foci.Table) (out []string) {
	for i := range c.Layout.Nodes {
		for _, a := range c.Layout.Nodes[i].Addrs {
			if a.Table == table {
				out = append(out, a.Remote().String())
			}
		}
	}
	return out
}

// forwardedBy is how many requests each node has passed on.
func forwardedBy(t testing.TB, c *client.Client) (out []int64) {
	t.Helper()
	all, err := c.Mesh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all[1:] { // the first is the client itself
		if p.Is == nil {
			out = append(out, -1)
			continue
		}
		out = append(out, p.Is.Forwarded.Done)
	}
	return out
}

// TestForwarded: a client whose table only one of three nodes is in works with
// all of them, small objects and large ones, and sees how all of them are.
func TestForwarded(t *testing.T) {
	c := newClusterIn(t, [][]foci.Table{{0, 1}, {0}, {0}}, 3, nil)
	cl := c.dialWith(client.Config{Remotes: c.remotesIn(1)})
	// All must acknowledge: so the node that relays has a link to each of them when
	// it is asked how they are.
	s := cl.Session(client.SessionOptions{Ack: foci.All})
	ctx := t.Context()
	if up := linksUp(cl); up != 1 {
		t.Fatalf("%d links: it is in the table of one node", up)
	}
	large := make([]byte, 20<<20)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(large)
	want := map[string][]byte{"large": large}
	for i := range 20 {
		want[fmt.Sprintf("small-%d", i)] = large[:i*1000]
	}
	for key, content := range want {
		n := foci.Name{Bucket: "photos", Key: key}
		if _, err := s.Put(ctx, n, bytes.NewReader(content), int64(len(content)), client.PutOptions{}); err != nil {
			t.Fatal(key, err)
		}
		if _, err := s.Append(ctx, n, strings.NewReader("more"), 4); err != nil {
			t.Fatal(key, err)
		}
	}
	for key, content := range want {
		o, err := s.Get(ctx, foci.Name{Bucket: "photos", Key: key}, client.GetOptions{})
		if err != nil {
			t.Fatal(key, err)
		}
		got, err := io.ReadAll(o)
		_ = o.Close()
		if err != nil || !bytes.Equal(got, append(content[:len(content):len(content)], "more"...)) {
			t.Fatalf("%s: %d bytes, %v", key, len(got), err)
		}
	}
	if by := forwardedBy(t, cl); by[0] == 0 || by[1] != 0 || by[2] != 0 {
		t.Errorf("forwarded: %v", by)
	}
	nodes, err := cl.Nodes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if !n.Up || n.Node == nil || n.Node.ID != n.ID {
			t.Errorf("node %s: up %v, %s", n.Name, n.Up, n.Error)
		}
	}
}

// linksUp is how many nodes a client has channels to.
func linksUp(c *client.Client) (n int) {
	all, _ := c.Mesh(context.Background())
	for _, l := range all[0].Is.Links {
		if l.Up {
			n++
		}
	}
	return n
}

// TestForwarderDies: of two that bridge one is stopped, and later comes back,
// while appends are made. Every one of them is there once.
func TestForwarderDies(t *testing.T) {
	c := newClusterIn(t, [][]foci.Table{{0, 1}, {0, 1}, {0}}, 3, nil)
	cl := c.dialWith(client.Config{Remotes: c.remotesIn(1), Stall: 500 * time.Millisecond})
	s := cl.Session(client.SessionOptions{})
	n := foci.Name{Bucket: "logs", Key: "all"}
	pad := strings.Repeat("x", 100_000)
	for i := range 60 {
		switch i {
		case 15:
			c.stop(0)
		case 35:
			c.start(0)
		case 50:
			c.stop(1)
		}
		line := fmt.Sprintf("%04d%s\n", i, pad)
		if _, err := s.Append(t.Context(), n, strings.NewReader(line), int64(len(line))); err != nil {
			t.Fatal(i, err)
		}
	}
	o, err := s.Get(t.Context(), n, client.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(got)), "\n") {
		if !strings.HasPrefix(line, fmt.Sprintf("%04d", i)) {
			t.Fatalf("line %d is %.10q", i, line)
		}
	}
	if lines := bytes.Count(got, []byte("\n")); lines != 60 {
		t.Fatalf("%d lines, want 60", lines)
	}
}

// TestNoBridge: when no node is in the client's table and in the owners', the
// client hears so at once, with the tables' numbers.
func TestNoBridge(t *testing.T) {
	c := newClusterIn(t, [][]foci.Table{{1}, {0}, {0}}, 3, nil)
	cl := c.dialWith(client.Config{Remotes: c.remotesIn(1)})
	s := cl.Session(client.SessionOptions{})
	began := time.Now()
	_, err := s.Put(t.Context(), foci.Name{Bucket: "photos", Key: "a"}, strings.NewReader("a"), 1, client.PutOptions{})
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), "table 1") || !strings.Contains(err.Error(), "table 0") {
		t.Errorf("%v", err)
	}
	nodes, _ := cl.Nodes(t.Context())
	for _, n := range nodes[1:] {
		if n.Up || !strings.Contains(n.Error, "table") {
			t.Errorf("node %s: up %v, %s", n.Name, n.Up, n.Error)
		}
	}
}

// TestStayWithOneNode: a client that stays with the node that it was given
// works with all of them through it.
func TestStayWithOneNode(t *testing.T) {
	c := newCluster(t, 3, 3)
	cl := c.dialWith(client.Config{Remotes: c.Addrs[1:2], Stay: true})
	// All must acknowledge: so the node that relays has a link to each of them when
	// it is asked how they are, also on a machine where links come up late.
	s := cl.Session(client.SessionOptions{Ack: foci.All})
	for i := range 10 {
		n := foci.Name{Bucket: "photos", Key: fmt.Sprint(i)}
		if _, err := s.Put(t.Context(), n, strings.NewReader("hello"), 5, client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if o, err := s.Get(t.Context(), n, client.GetOptions{}); err != nil {
			t.Fatal(err)
		} else {
			_ = o.Close()
		}
	}
	if up := linksUp(cl); up != 1 {
		t.Errorf("%d links", up)
	}
	if by := forwardedBy(t, cl); by[1] == 0 || by[0]+by[2] != 0 {
		t.Errorf("forwarded: %v", by)
	}
}
