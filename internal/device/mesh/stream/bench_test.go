package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/conntest"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

const bulkBody = 4 << 20

// BenchmarkBulkTLS sends bodies of 4 MiB, four at a time, over one connection with
// TLS 1.3.
func BenchmarkBulkTLS(b *testing.B) {
	cfg, keys := config(b), conntest.TLS(b)
	near, far := conntest.Pair(b)
	dialled, accepted := tls.Client(frame.UnderTLS(near), keys), tls.Server(frame.UnderTLS(far), keys)
	shaken := make(chan error, 1)
	go func() { shaken <- accepted.Handshake() }()
	if err := errors.Join(dialled.Handshake(), <-shaken); err != nil { // frames come after it
		b.Fatal(err)
	}
	c := dial(b, cfg, dialled)
	serve(b, cfg, accepted)
	body := make([]byte, bulkBody)
	b.SetBytes(bulkBody)
	b.ReportAllocs()
	var next atomic.Int64
	var callers sync.WaitGroup
	b.ResetTimer()
	defer conntest.CPU(b)()
	for range 4 {
		callers.Go(func() {
			answers := make(chan error, 1)
			for next.Add(1) <= int64(b.N) {
				q := &Request{Class: foci.Bulk, Method: methodSink, Body: body, size: bulkBody}
				q.Done = func(_ *Reply, err error) { answers <- err }
				err := c.Send(q)
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
	keys := conntest.TLS(b)
	near, far := conntest.Pair(b)
	rawWrites(b, tls.Client(near, keys), tls.Server(far, keys))
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
	defer conntest.CPU(b)()
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
