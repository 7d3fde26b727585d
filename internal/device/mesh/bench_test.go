package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/conntest"
	"github.com/foci-store/foci/internal/device/mesh/frame"
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
	defer startCPU(b)()
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
	defer startCPU(b)()
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

// startCPU measures the processor time of this process, so that the figure
// holds on a machine that others use too: two whole cores would do
// 2e9 / (cpu-ns/op) in a second.
func startCPU(b *testing.B) (stop func()) {
	before := cpuTime(b)
	return func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }
}

func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
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
	defer startCPU(b)()
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

// BenchmarkBulkTLS is BenchmarkBulk over TLS 1.3.
func BenchmarkBulkTLS(b *testing.B) {
	server, client := startNode(b, 1), startClient(b)
	config := conntest.TLS(b)
	near, far := conntest.Pair(b)
	dialled, accepted := tls.Client(frame.UnderTLS(near), config), tls.Server(frame.UnderTLS(far), config)
	shaken := make(chan error, 1)
	go func() { shaken <- accepted.Handshake() }()
	if err := errors.Join(dialled.Handshake(), <-shaken); err != nil { // frames come after it
		b.Fatal(err)
	}
	ch := unlinked(b, client.Mesh, dialled, true)
	unlinked(b, server.Mesh, accepted, false)
	body := make([]byte, bulkBody)
	b.SetBytes(bulkBody)
	b.ReportAllocs()
	var next atomic.Int64
	var callers sync.WaitGroup
	b.ResetTimer()
	defer startCPU(b)()
	for range 4 {
		callers.Go(func() {
			answers := make(chan error, 1)
			for next.Add(1) <= int64(b.N) {
				q := &Request{Class: foci.Bulk, Method: methodSink, Body: body, size: bulkBody}
				q.Done = func(_ *Reply, err error) { answers <- err }
				err := ch.send(q)
				if err == nil {
					err = <-answers
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}

// BenchmarkRawTLS is what TLS 1.3 can do by itself: 256 KiB writes.
func BenchmarkRawTLS(b *testing.B) {
	config := conntest.TLS(b)
	near, far := conntest.Pair(b)
	rawWrites(b, tls.Client(near, config), tls.Server(far, config))
}

// BenchmarkRawTCP is what the machine can do: 256 KiB writes of the same bytes.
func BenchmarkRawTCP(b *testing.B) {
	near, far := conntest.Pair(b)
	rawWrites(b, near, far)
}

func rawWrites(b *testing.B, near, far net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 256<<10)
		var err error
		for err == nil {
			_, err = far.Read(buf)
		}
		_ = far.Close()
	}()
	body := make([]byte, bulkBody)
	b.SetBytes(bulkBody)
	defer startCPU(b)()
	for b.Loop() {
		for p := range slices.Chunk(body, 256<<10) {
			if _, err := near.Write(p); err != nil {
				b.Fatal(err)
			}
		}
	}
	_ = near.Close()
	<-done
}
