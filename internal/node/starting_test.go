package node

import (
	"errors"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestWriteBackWhileStarting: a write-back needs the node's part in the mesh. One
// that comes while that is being made is told to come again.
func TestWriteBackWhileStarting(t *testing.T) {
	n := new(Node)
	m, err := mesh.New(mesh.Config{Cluster: "test", Role: foci.RoleTransport, Handler: mesh.HandlerFunc(func(in *mesh.Incoming) { n.writeBack(in, nil, &wire.Hint{}) })})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	done := make(chan error, 1)
	if err := m.Local(&mesh.Request{Class: foci.Reg, Done: func(_ *mesh.Reply, err error) { done <- err }}); err != nil {
		t.Fatal(err)
	}
	var e *foci.Error
	if err := <-done; !errors.As(err, &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
		t.Error(err)
	}
}
