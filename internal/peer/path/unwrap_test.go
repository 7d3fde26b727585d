package path

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestRelayedCountsAsTheAskers: a client that asks by way of a member holds an
// eighth of a node's requests, and leaves room for other clients of that member.
func TestRelayedCountsAsTheAskers(t *testing.T) {
	held := make(chan *mesh.Incoming, 100)
	nd, err := mesh.New(mesh.Config{
		Cluster: "c", Node: foci.NodeID{1}, Incarnation: 1, Role: foci.RoleData, Limits: mesh.Limits{Requests: 80},
		Listen: []mesh.Listener{{Addr: "127.0.0.1:0"}},
		Handler: mesh.HandlerFunc(func(in *mesh.Incoming) {
			if Unwrap(in, nil) {
				held <- in
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nd.Close() })
	relay, err := mesh.New(mesh.Config{Cluster: "c", Node: foci.NodeID{2}, Incarnation: 1, Role: foci.RoleClient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	l, err := relay.Dial(t.Context(), route.AddressOf(netip.MustParseAddrPort(nd.Addrs()[0].String())), false)
	if err != nil {
		t.Fatal(err)
	}
	var all []*mesh.Incoming
	pass := func(client string) (n int, err error) {
		m := wire.Relayed{Asker: rights.Client(client), Rights: rights.Data(), Protocol: 2, Method: wire.MethodQuery}
		for ; err == nil && n < 50; n++ {
			refused := make(chan error, 1)
			q := mesh.Request{Class: foci.Reg, Method: wire.MethodRelayed, Head: m.Append(nil), Done: func(_ *mesh.Reply, err error) { refused <- err }}
			if err := l.Send(&q); err != nil {
				t.Fatal(err)
			}
			select {
			case in := <-held:
				all = append(all, in)
			case err = <-refused:
			}
		}
		return n - 1, err
	}
	for _, client := range []string{"web", "db"} {
		n, err := pass(client)
		if n != 10 || foci.KindOf(err) != foci.Busy || !strings.Contains(err.Error(), "client/"+client+" holds its share, 10 of 80") {
			t.Errorf("%d requests of %s are held, then: %v", n, client, err)
		}
	}
	for _, in := range all {
		in.Reply(nil, nil)
	}
	if s := nd.Stats().Shares; s.Requests.Used != 0 || s.Bytes.Used != 0 {
		t.Errorf("still counted: %+v", s)
	}
}
