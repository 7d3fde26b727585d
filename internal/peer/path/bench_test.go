package path

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	core "github.com/foci-store/foci/internal/core/path"
	"github.com/foci-store/foci/internal/device/mesh"
)

// everywhere says that all nodes are in table 0.
type everywhere struct{}

func (everywhere) Tables(foci.NodeID) []foci.Table { return []foci.Table{0} }
func (everywhere) OwnTables() []foci.Table         { return []foci.Table{0} }

// BenchmarkPaths is what a put of three replicas asks of the paths.
func BenchmarkPaths(b *testing.B) {
	p := New(Config{Membership: everywhere{}, Now: func() time.Duration { return time.Second }, Rerouted: func() {}})
	replicas := make([]core.Replica, 3)
	for i := range replicas {
		replicas[i].Node = foci.NodeID{byte(i + 1)}
		p.machine.Linked(replicas[i].Node)
		p.Up(mesh.Identity{Node: replicas[i].Node})
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		order := append([]core.Replica(nil), replicas...)
		for pb.Next() {
			p.Order(order)
			for _, r := range order {
				_, _ = p.Find(r.Node, foci.Reg)
				_, _ = p.Find(r.Node, foci.Reg)
				p.Observe(r.Node, time.Millisecond)
			}
		}
	})
}
