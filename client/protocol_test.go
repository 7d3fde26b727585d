package client_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestNoCommonProtocol: a client of another version hears at once what each side
// speaks; it does not wait, and does not call the nodes unreachable.
func TestNoCommonProtocol(t *testing.T) {
	m, err := mesh.New(mesh.Config{
		Cluster: "test", Node: foci.NodeID{1}, Incarnation: 1, Role: foci.RoleData, Protocols: wire.Protocols{Min: 8, Max: 9},
		Listen: []mesh.Listener{{Addr: "127.0.0.1:0"}}, Handler: mesh.HandlerFunc(func(in *mesh.Incoming) { in.Reply(nil, nil) }),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = client.Dial(ctx, client.Config{Remotes: []string{m.Addrs()[0].String() + ":2"}})
	if foci.KindOf(err) != foci.Protocol || !strings.Contains(err.Error(), "speaks 8 to 9") || !strings.Contains(err.Error(), "upgrade the older side") {
		t.Errorf("got %v", err)
	}
	if ctx.Err() != nil {
		t.Error("it waited")
	}
}
