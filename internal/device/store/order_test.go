package store

import (
	"runtime"
	"testing"
)

// TestBatchesComeBackInOrder: what is remembered of batches, and what their
// objects' rows are known to be, goes by the order in which they come back.
func TestBatchesComeBackInOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(16))
	b := &Backend{queue: newQueue(&Options{})}
	for range 20_000 {
		c := &committer{b: b, back: make(chan *commitBatch, movingBatches)}
		var batches [movingBatches]*commitBatch
		for i := range batches {
			batches[i] = &commitBatch{number: uint64(i + 1)}
			c.entries.add(batches[i])
		}
		for _, batch := range batches {
			before := batch.before
			go func() {
				<-before
				c.finish(batch, nil)
			}()
		}
		for i := range batches {
			if got := <-c.back; got.number != uint64(i+1) {
				t.Fatalf("batch %d came back as number %d", got.number, i+1)
			}
		}
	}
}
