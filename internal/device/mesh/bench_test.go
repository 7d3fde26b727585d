package mesh

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/conntest"
)

// oneChannel keeps all requests of a benchmark on one TCP connection.
func oneChannel(c *Config) { c.Channels[foci.Reg], c.Channels[foci.Bulk] = 1, 1 }

// BenchmarkRequests256 sends small requests from 256 callers, each of which
// waits for its answer, over one TCP connection.
func BenchmarkRequests256(b *testing.B) {
	server, client := startNode(b, 1), startClient(b, oneChannel)
	l := connect(b, client, server, false)
	head := make([]byte, 64)
	if _, err := l.Call(b.Context(), foci.Reg, methodEcho, head, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	defer conntest.CPU(b)()
	var next atomic.Int64
	var callers sync.WaitGroup
	for range 256 {
		callers.Go(func() {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			for next.Add(1) <= int64(b.N) {
				if _, err := l.Call(ctx, foci.Reg, methodEcho, head, nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkCallbacks256 is the same without goroutines that wait: 256 requests
// are kept in flight, each sent by the Done of the one before it.
func BenchmarkCallbacks256(b *testing.B) {
	server, client := startNode(b, 1), startClient(b, oneChannel)
	l := connect(b, client, server, false)
	head := make([]byte, 64)
	if _, err := l.Call(b.Context(), foci.Reg, methodEcho, head, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	defer conntest.CPU(b)()
	var next atomic.Int64
	var flights sync.WaitGroup
	var send func()
	send = func() {
		if next.Add(1) > int64(b.N) {
			flights.Done()
			return
		}
		q := &Request{Class: foci.Reg, Method: methodEcho, Head: head, Done: func(_ *Reply, err error) {
			if err != nil {
				b.Error(err)
			}
			send()
		}}
		if err := l.Send(q); err != nil {
			b.Error(err)
			flights.Done()
		}
	}
	for range 256 {
		flights.Add(1)
		send()
	}
	flights.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkLatency is one caller who waits for each answer.
func BenchmarkLatency(b *testing.B) {
	server, client := startNode(b, 1), startClient(b, oneChannel)
	l := connect(b, client, server, false)
	head := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Call(b.Context(), foci.Reg, methodEcho, head, nil); err != nil {
			b.Fatal(err)
		}
	}
}

const bulkBody = 4 << 20

// BenchmarkBulk sends bodies of 4 MiB, four at a time, over one connection.
func BenchmarkBulk(b *testing.B) {
	server, client := startNode(b, 1, oneChannel), startClient(b, oneChannel)
	l := connect(b, client, server, false)
	body := make([]byte, bulkBody)
	b.SetBytes(bulkBody)
	b.ReportAllocs()
	var next atomic.Int64
	var callers sync.WaitGroup
	b.ResetTimer()
	defer conntest.CPU(b)()
	for range 2 { // more would measure how the caches hold what is put together
		callers.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if _, err := l.Call(b.Context(), foci.Bulk, methodSink, nil, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}
