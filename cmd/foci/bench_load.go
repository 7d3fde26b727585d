package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/foci-store/foci"
)

// loadOp is one kind of operation of a load: do runs the i-th one.
type loadOp struct {
	name string
	size int64
	do   func(ctx context.Context, i int64) error
}

// load runs operations, some at a time, and measures each.
type load struct {
	ops         []loadOp // one of them is chosen at random each time
	count       int64
	concurrency int
}

// Latencies are measured from a microsecond to an hour at three digits.
const (
	lowestLatency  = int64(time.Microsecond)
	highestLatency = int64(time.Hour)
	latencyDigits  = 3
)

// loadResult is what one kind of operation did. Latencies are of those that
// succeeded, in microseconds.
type loadResult struct {
	Op        string  `json:"op"`
	Count     int64   `json:"count"`
	Errors    int64   `json:"errors"`
	FirstErr  string  `json:"first_error,omitempty"`
	PerSecond float64 `json:"ops_per_second"`
	Bytes     float64 `json:"bytes_per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	P999      float64 `json:"p999_us"`
	Max       float64 `json:"max_us"`
}

// tally counts one kind of operation for one worker.
type tally struct {
	hist   *hdrhistogram.Histogram
	errors int64
	first  error
}

func newTallies(n int) []tally {
	t := make([]tally, n)
	for i := range t {
		t[i].hist = hdrhistogram.New(lowestLatency, highestLatency, latencyDigits)
	}
	return t
}

// run is done when count operations were, or the context is.
func (l *load) run(ctx context.Context) []loadResult {
	var next atomic.Int64
	perWorker := make([][]tally, l.concurrency)
	began := time.Now()
	var workers sync.WaitGroup
	for w := range l.concurrency {
		perWorker[w] = newTallies(len(l.ops))
		workers.Go(func() {
			for i := next.Add(1) - 1; i < l.count && ctx.Err() == nil; i = next.Add(1) - 1 {
				kind := rand.IntN(len(l.ops))
				perWorker[w][kind].measure(ctx, l.ops[kind], i)
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	total := newTallies(len(l.ops))
	for _, t := range perWorker {
		for kind := range t {
			total[kind].add(&t[kind])
		}
	}
	out := make([]loadResult, len(l.ops))
	for kind, op := range l.ops {
		out[kind] = total[kind].result(op, took)
	}
	return out
}

func (t *tally) measure(ctx context.Context, op loadOp, i int64) {
	began := time.Now()
	if err := op.do(ctx, i); err != nil {
		t.errors++
		if t.first == nil {
			t.first = err
		}
		return
	}
	took := time.Since(began).Nanoseconds()
	// Within the bounds, recording cannot fail.
	_ = t.hist.RecordValue(min(max(took, lowestLatency), highestLatency))
}

func (t *tally) add(o *tally) {
	t.hist.Merge(o.hist)
	t.errors += o.errors
	if t.first == nil {
		t.first = o.first
	}
}

func (t *tally) result(op loadOp, took time.Duration) loadResult {
	micros := func(ns int64) float64 { return float64(ns) / 1e3 }
	n := t.hist.TotalCount()
	rate := rateOf(n, int(op.size), took)
	r := loadResult{
		Op: op.name, Count: n, Errors: t.errors, PerSecond: rate.PerSecond, Bytes: rate.Bytes,
		P50: micros(t.hist.ValueAtPercentile(50)), P99: micros(t.hist.ValueAtPercentile(99)),
		P999: micros(t.hist.ValueAtPercentile(99.9)), Max: micros(t.hist.Max()),
	}
	if t.first != nil {
		r.FirstErr = t.first.Error()
	}
	return r
}

// validLoad reports flags of bench that cannot be meant.
func validLoad(size byteSize, count int64, concurrency int) error {
	const mostSize, mostConcurrency = 1 << 30, 1 << 14
	switch {
	case size < 0 || size > mostSize:
		return usagef("--size %v: want 0B to %v", size, byteSize(mostSize))
	case count < 1:
		return usagef("--count %d: want at least 1", count)
	case concurrency < 1 || concurrency > mostConcurrency:
		return usagef("--concurrency %d: want 1 to %d", concurrency, mostConcurrency)
	case int64(size)*int64(concurrency) > 4<<30:
		return usagef("--size %v with --concurrency %d holds over 4GiB in memory; lower one of them", size, concurrency)
	}
	return foci.ValidateBucket(benchBucket)
}

// benchBucket is where bench keeps its objects.
const benchBucket = "foci-bench"
