package client_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/foci-store/foci/client"
)

// BenchmarkPut1K is three nodes, three replicas, 64 callers, everything in one
// process: what the code costs. foci bench measures processes.
func BenchmarkPut1K(b *testing.B) {
	s := newCluster(b, 3, 3).dial(client.SessionOptions{})
	content := random(1024, 1)
	b.ReportAllocs()
	var n atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		wg.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				if _, err := s.Put(b.Context(), name(fmt.Sprintf("k%d", i)), bytes.NewReader(content), 1024, client.PutOptions{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}
