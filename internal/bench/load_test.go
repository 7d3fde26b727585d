package bench

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestLoadCountsAndMeasures(t *testing.T) {
	var mu sync.Mutex
	seen := map[int64]int{}
	l := Load{Count: 500, Concurrency: 7, Ops: []Op{
		{Name: "good", Size: 10, Do: func(_ context.Context, i int64) error {
			mu.Lock()
			defer mu.Unlock()
			seen[i]++
			return nil
		}},
		{Name: "bad", Do: func(_ context.Context, i int64) error {
			mu.Lock()
			defer mu.Unlock()
			seen[i]++
			return errors.New("no")
		}},
	}}
	r := l.Run(t.Context())
	good, bad := r[0], r[1]
	if good.Count+bad.Errors != 500 || bad.Count != 0 || good.Errors != 0 || bad.FirstErr != "no" {
		t.Fatalf("%+v\n%+v", good, bad)
	}
	if len(seen) != 500 || seen[0] != 1 || seen[499] != 1 {
		t.Fatalf("ran %d different operations", len(seen))
	}
	if good.P50 <= 0 || good.P50 > good.P99 || good.P99 > good.P999 || good.P999 > good.Max {
		t.Fatalf("latencies out of order: %+v", good)
	}
	if ratio := good.Bytes / good.PerSecond; ratio < 9.9 || ratio > 10.1 {
		t.Fatalf("bytes per operation: %v", ratio)
	}
}

func TestLoadStopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := Load{Count: 1 << 40, Concurrency: 2, Ops: []Op{{Do: func(context.Context, int64) error { cancel(); return nil }}}}
	if r := l.Run(ctx); r[0].Count > 4 {
		t.Fatalf("%+v", r)
	}
}

func TestLimits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	disk, err := DiskLimit(ctx, t.TempDir(), 1024, 8)
	if err != nil || disk.PerSecond <= 0 || disk.Bytes != disk.PerSecond*1024 {
		t.Errorf("disk %+v: %v", disk, err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	net, err := NetLimit(ctx, 1024, 8)
	if err != nil || net.PerSecond <= 0 || net.Bytes != net.PerSecond*1024 {
		t.Errorf("net %+v: %v", net, err)
	}
	if _, err := DiskLimit(t.Context(), "/no/such/folder", 1, 1); err == nil {
		t.Error("measured a disk that is not there")
	}
}

func TestRateOf(t *testing.T) {
	if r := rateOf(10, 100, 2*time.Second); r.PerSecond != 5 || r.Bytes != 500 {
		t.Fatalf("%+v", r)
	}
}
