package bench

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/foci-store/foci"
)

// longBody is a long body, as of a chunk.
const longBody = 4 << 20

// meshRequests measures small requests of 256 callers over one connection.
func meshRequests(ctx context.Context, d time.Duration) ([]Row, error) {
	p, err := newMeshPair(ctx, 1)
	if err != nil {
		return nil, unmeasured("requests", err)
	}
	defer p.close()
	head := make([]byte, 64)
	do := func() error { return p.call(ctx, foci.Reg, head, nil) }
	if err := do(); err != nil {
		return nil, unmeasured("requests", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	took, err := callers(256, d, do)
	seconds := time.Since(began).Seconds()
	runtime.ReadMemStats(&after)
	if err != nil {
		return nil, unmeasured("requests", err)
	}
	n := float64(len(took))
	return []Row{
		ratioRow("small requests, one connection, 256 callers", n/seconds, 500e3, "1/s", "figure", 1),
		atMost("allocations of a request, both sides", float64(after.Mallocs-before.Mallocs)/n, 4, "", "figure", 1),
	}, nil
}

// meshBulk measures long bodies over one connection, and bare TCP.
func meshBulk(ctx context.Context, d time.Duration) ([]Row, error) {
	p, err := newMeshPair(ctx, 1)
	if err != nil {
		return nil, unmeasured("bulk", err)
	}
	defer p.close()
	body := make([]byte, longBody)
	began := time.Now()
	// Two at a time: one is sent while the other is answered. More would measure
	// how the caches hold the bodies that are put together at the other end.
	took, err := callers(2, d, func() error { return p.call(ctx, foci.Bulk, nil, body) })
	if err != nil {
		return nil, unmeasured("bulk", err)
	}
	rate := float64(len(took)) * longBody / time.Since(began).Seconds() / 1e6
	raw, err := rawRate(d)
	if err != nil {
		return nil, unmeasured("bare TCP", err)
	}
	return []Row{ratioRow("bodies of 4 MiB, one connection", rate, raw, "MB/s", "bare TCP, 256 KiB writes", 0.6)}, nil
}

// rawRate measures bare TCP with writes of 256 KiB, in MB/s.
func rawRate(d time.Duration) (float64, error) {
	near, far, err := loopback()
	if err != nil {
		return 0, err
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{far}, make([]byte, 256<<10))
	})
	buf := make([]byte, 256<<10)
	began := time.Now()
	took, err := callers(1, d, func() error { _, err := near.Write(buf); return err })
	seconds := time.Since(began).Seconds()
	_ = near.Close() // the reader ends
	reader.Wait()
	_ = far.Close() // it was only read
	return float64(len(took)) * float64(len(buf)) / seconds / 1e6, err
}
