package peer

import (
	"errors"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer/membership"
	"github.com/foci-store/foci/internal/serve"
)

// TestRequestsWhileStarting: a request that needs the process's part in the mesh,
// and comes while that is being made, is told to come again.
func TestRequestsWhileStarting(t *testing.T) {
	p := &Peer{Members: new(membership.Members)}
	handlers, err := p.handlers()
	if err != nil {
		t.Fatal(err)
	}
	for method, head := range map[wire.Method][]byte{
		wire.MethodRoutes: (&wire.Routes{}).Append(nil), wire.MethodDigest: (&wire.Digest{}).Append(nil), wire.MethodWatch: (&wire.Watch{}).Append(nil),
		wire.MethodRenew: (&wire.Renew{}).Append(nil), wire.MethodLayout: nil, wire.MethodStatus: (&wire.Ask{What: "node"}).Append(nil),
		wire.MethodForward: (&wire.Forward{Node: foci.NodeID{1}, Method: wire.MethodPing, Class: foci.Reg}).Append(nil),
	} {
		var e *foci.Error
		if err := served(t, handlers, method, head); !errors.As(err, &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
			t.Errorf("%v: %v", method, err)
		}
	}
	if err := served(t, handlers, wire.MethodPing, nil); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := served(t, handlers, wire.MethodQuery, (&wire.Query{}).Append(nil)); !errors.Is(err, foci.NotReady) {
		t.Errorf("a query where nothing is stored: %v", err)
	}
}

// served is the outcome of a request to this process itself.
func served(t *testing.T, h *serve.Handlers, method wire.Method, head []byte) error {
	t.Helper()
	m, err := mesh.New(mesh.Config{Cluster: "test", Role: foci.RoleTransport, Handler: h})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	done := make(chan error, 1)
	if err := m.Local(&mesh.Request{Class: foci.Reg, Method: method, Head: head, Done: func(_ *mesh.Reply, err error) { done <- err }}); err != nil {
		t.Fatal(err)
	}
	return <-done
}
