package node

import (
	"errors"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestRequestsWhileStarting: a request that needs the node's part in the mesh,
// and comes while that is being made, is told to come again.
func TestRequestsWhileStarting(t *testing.T) {
	n := new(Node)
	for name, serve := range map[string]func(*mesh.Incoming){
		"routes":     n.membership,
		"status":     n.status,
		"forward":    n.forward,
		"write-back": func(in *mesh.Incoming) { n.bring(in, nil, &wire.Hint{}) },
	} {
		m, err := mesh.New(mesh.Config{Cluster: "test", Role: foci.RoleTransport, Handler: mesh.HandlerFunc(serve)})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		q := &mesh.Request{Class: foci.Reg, Head: heads[name], Done: func(_ *mesh.Reply, err error) { done <- err }}
		if err := m.Local(q); err != nil {
			t.Fatal(err)
		}
		var e *foci.Error
		if err := <-done; !errors.As(err, &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
			t.Errorf("%s: %v", name, err)
		}
		_ = m.Close()
	}
}

var heads = map[string][]byte{
	"status":  (&wire.Ask{What: "node"}).Append(nil),
	"forward": (&wire.Forward{Node: foci.NodeID{1}, Method: wire.MethodPing, Class: foci.Reg}).Append(nil),
}
