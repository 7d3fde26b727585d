package bench

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Op is one kind of operation of a load.
type Op struct {
	Name string
	Size int64                                    // bytes that one operation moves
	Do   func(ctx context.Context, i int64) error // runs the i-th operation of the load
}

// Load runs operations from several goroutines and measures each.
type Load struct {
	Ops         []Op // each operation is one of these, chosen at random
	Count       int64
	Concurrency int
}

// Latencies are measured from a microsecond to an hour at three digits.
const (
	lowestLatency  = int64(time.Microsecond)
	highestLatency = int64(time.Hour)
	latencyDigits  = 3
)

// Result summarizes one kind of operation. Latencies are of the operations that
// succeeded, in microseconds.
type Result struct {
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

// Run returns when Count operations are done, or when ctx ends.
func (l *Load) Run(ctx context.Context) []Result {
	var next atomic.Int64
	perWorker := make([][]tally, l.Concurrency)
	began := time.Now()
	var workers sync.WaitGroup
	for w := range l.Concurrency {
		perWorker[w] = newTallies(len(l.Ops))
		workers.Go(func() {
			for i := next.Add(1) - 1; i < l.Count && ctx.Err() == nil; i = next.Add(1) - 1 {
				kind := rand.IntN(len(l.Ops))
				perWorker[w][kind].measure(ctx, l.Ops[kind], i)
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	total := newTallies(len(l.Ops))
	for _, t := range perWorker {
		for kind := range t {
			total[kind].add(&t[kind])
		}
	}
	out := make([]Result, len(l.Ops))
	for kind, op := range l.Ops {
		out[kind] = total[kind].result(op, took)
	}
	return out
}

func (t *tally) measure(ctx context.Context, op Op, i int64) {
	began := time.Now()
	if err := op.Do(ctx, i); err != nil {
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

func (t *tally) result(op Op, took time.Duration) Result {
	micros := func(ns int64) float64 { return float64(ns) / 1e3 }
	n := t.hist.TotalCount()
	rate := rateOf(n, int(op.Size), took)
	r := Result{
		Op: op.Name, Count: n, Errors: t.errors, PerSecond: rate.PerSecond, Bytes: rate.Bytes,
		P50: micros(t.hist.ValueAtPercentile(50)), P99: micros(t.hist.ValueAtPercentile(99)),
		P999: micros(t.hist.ValueAtPercentile(99.9)), Max: micros(t.hist.Max()),
	}
	if t.first != nil {
		r.FirstErr = t.first.Error()
	}
	return r
}
