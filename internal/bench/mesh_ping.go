package bench

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foci-store/foci"
)

// meshIsolation measures pings alone, beside bodies that fill the machine,
// beside some that leave it time, and behind such bodies on one connection.
func meshIsolation(ctx context.Context, d time.Duration) ([]Row, error) {
	p, err := newMeshPair(ctx, 1)
	if err != nil {
		return nil, unmeasured("pings", err)
	}
	defer p.close()
	body := make([]byte, longBody)
	pings := func(pause time.Duration, load int) ([]time.Duration, error) {
		inner, stop := context.WithCancel(ctx)
		var bulk sync.WaitGroup
		for range load {
			bulk.Go(func() {
				for inner.Err() == nil {
					_ = p.call(inner, foci.Bulk, nil, body) // it ends with stop
					time.Sleep(pause)
				}
			})
		}
		took, err := pinged(d, func() error { return p.call(ctx, foci.Ping, make([]byte, 8), nil) })
		stop()
		bulk.Wait()
		return took, err
	}
	idle, err := pings(0, 0)
	if err != nil {
		return nil, unmeasured("pings", err)
	}
	some, err := pings(6*time.Millisecond, 1)
	if err != nil {
		return nil, unmeasured("pings", err)
	}
	full, err := pings(0, 4)
	if err != nil {
		return nil, unmeasured("pings", err)
	}
	shared, err := sharedPings(d, body)
	if err != nil {
		return nil, unmeasured("pings on one shared connection", err)
	}
	return []Row{
		atMost("ping p99 beside bulk, processors not full", at(some, 0.99), at(idle, 0.99), "us", "idle p99", 2),
		atMost("ping p50 beside bulk, processors full", at(full, 0.5), at(shared, 0.5), "us", "p50 on one shared connection", 0.1),
		atMost("ping max beside bulk, processors full", at(full, 1), 25e3, "us", "figure", 1),
	}, nil
}

// pinged measures pings one after the other, a millisecond apart.
func pinged(d time.Duration, ping func() error) (took []time.Duration, err error) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		began := time.Now()
		if err := ping(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, nil
}

// sharedPings sends pings and bodies in turn over one connection, so that each
// message waits for those before it.
func sharedPings(d time.Duration, body []byte) ([]time.Duration, error) {
	near, far, err := loopback()
	if err != nil {
		return nil, err
	}
	var serving sync.WaitGroup
	serving.Go(func() { serveShared(far) })
	var turn sync.Mutex
	send := func(b []byte) error {
		turn.Lock()
		defer turn.Unlock()
		if _, err := near.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(b)))); err != nil {
			return err
		}
		_, err := near.Write(b)
		return err
	}
	var stop atomic.Bool
	for range 4 {
		serving.Go(func() {
			for !stop.Load() && send(body) == nil {
				continue
			}
		})
	}
	answer := make([]byte, 8)
	took, err := pinged(d, func() error {
		if err := send(answer); err != nil {
			return err
		}
		_, err := io.ReadFull(near, answer)
		return err
	})
	stop.Store(true)
	_ = near.Close() // ends the goroutines that wait
	serving.Wait()
	return took, err
}

// serveShared echoes short messages and discards long ones.
func serveShared(conn net.Conn) {
	defer conn.Close()
	var size [4]byte
	buf := make([]byte, 256<<10)
	for {
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		n := int(binary.LittleEndian.Uint32(size[:]))
		for left := n; left > 0; {
			k, err := io.ReadFull(conn, buf[:min(left, len(buf))])
			if left -= k; err != nil {
				return
			}
		}
		if n <= 8 {
			if _, err := conn.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}
