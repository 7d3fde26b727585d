package node

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestUnwantedReadsAreNotServed: a read whose asker has given it up, or has sent
// it again, before its turn came costs no work.
func TestUnwantedReadsAreNotServed(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		n := &Node{reads: readSlots(4)}
		done := make(chan error, 1)
		q := &mesh.Request{Class: foci.Bulk, Method: wire.MethodFetch, Done: func(_ *mesh.Reply, err error) { done <- err }}
		served := false
		m, err := mesh.New(mesh.Config{Cluster: "test", Role: foci.RoleTransport, Handler: mesh.HandlerFunc(func(in *mesh.Incoming) {
			if cancel {
				q.Cancel()
			}
			n.apart(in, func(in *mesh.Incoming) {
				served = true
				in.Reply(nil, nil)
			})
		})})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Local(q); err != nil {
			t.Fatal(err)
		}
		err = <-done
		n.tasks.Wait()
		if served == cancel || (foci.KindOf(err) == foci.Canceled && err != nil) != cancel {
			t.Errorf("canceled: %v, served: %v, %v", cancel, served, err)
		}
		_ = m.Close()
	}
}
