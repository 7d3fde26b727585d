package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

// crashRun is a workload and the crashes that were taken of it.
type crashRun struct {
	t    *testing.T
	disk *vfs.Crashable

	mu      sync.Mutex // before runs on the goroutines of the backend
	rng     *rand.Rand // of the crashes; the workload draws before it queues
	hist    history
	points  []*crashPoint
	stopped bool
}

// before is called before every operation on a file.
func (w *crashRun) before(op vfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && strings.Contains(op.Path, segmentsDir) {
		w.maybe(6)
	}
	return nil
}

// maybe takes a crash, one time out of n.
func (w *crashRun) maybe(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped && len(w.points) < pointsPerWorkload && w.rng.IntN(n) == 0 {
		w.crash()
	}
}

func (w *crashRun) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}

// group queues some records at once and waits for them; now and then a second
// group is queued while the first is under way.
func (w *crashRun) group(b *Backend) {
	w.mu.Lock()
	var items []item
	var wg sync.WaitGroup
	for range 1 + w.rng.IntN(6) {
		wg.Add(1)
		items = append(items, w.item(&wg))
	}
	split := len(items)
	if w.rng.IntN(2) == 0 {
		split = w.rng.IntN(len(items) + 1)
	}
	w.mu.Unlock()
	for _, part := range [][]item{items[:split], items[split:]} {
		if err := b.queue.put(part...); err != nil {
			w.t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(storetest.Patience):
		w.t.Fatal("no acknowledgement")
	}
}

// item draws what to store; w.mu is held.
func (w *crashRun) item(wg *sync.WaitGroup) item {
	acknowledge := func(note func()) func(bool, error) {
		return func(_ bool, err error) {
			defer wg.Done()
			w.mu.Lock()
			defer w.mu.Unlock()
			if err != nil {
				w.t.Errorf("not stored: %v", err)
				return
			}
			note()
		}
	}
	switch w.rng.IntN(20) {
	case 0:
		w.hist.asked++
		e := w.hist.asked
		r := segment.Record{Kind: segment.Epoch}
		r.Entry.Size = uint64(e)
		return item{rec: r, done: acknowledge(func() { w.hist.epoch = max(w.hist.epoch, e) })}
	case 1:
		w.hist.raise++
		v := foci.Version{Time: 1, Nonce: w.rng.Uint64N(100) + 1}
		return item{rec: watermarkRecord(0, ^uint64(0), v), done: acknowledge(func() { w.hist.watermark = w.hist.watermark.Raise(v) })}
	}
	i := len(w.hist.sent)
	if i > 0 && w.rng.IntN(8) == 0 { // the same once more
		i = w.rng.IntN(i)
	} else {
		w.hist.sent = append(w.hist.sent, w.record(i))
		w.hist.acked = append(w.hist.acked, false)
	}
	s := &wire.Store{Record: w.hist.sent[i], Seen: storetest.Now}
	return item{store: s, done: acknowledge(func() { w.hist.acked[i] = true })}
}

func (w *crashRun) record(i int) record.Record {
	sizes := []int{0, 1, 40, 300, 511, 512, 1000, 4096, 9000, 70_000}
	payload := make([]byte, sizes[w.rng.IntN(len(sizes)-w.rng.IntN(3))])
	for k := range payload {
		payload[k] = byte(w.rng.Uint32())
	}
	at := int64(1000 + 100*i - w.rng.IntN(1000)) // somewhat out of order, never twice
	at += int64(i % 100)
	key := fmt.Sprint("k", w.rng.IntN(5))
	switch w.rng.IntN(8) {
	case 0:
		return storetest.Record(record.OpRemove, key, at*1000+int64(i), nil, nil)
	case 1:
		return storetest.Chunk(byte(i), 0, at*1000+int64(i), payload)
	case 2, 3, 4:
		return storetest.Record(record.OpPut, key, at*1000+int64(i), payload, []byte("meta"))
	default:
		return storetest.Record(record.OpAppend, key, at*1000+int64(i), payload, nil)
	}
}
