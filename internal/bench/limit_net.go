package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
)

// NetLimit measures the network's bound on requests: frames of size bytes echoed
// over one TCP connection inside this machine, by so many callers.
func NetLimit(ctx context.Context, size, callers int) (Rate, error) {
	client, server, err := loopback()
	if err != nil {
		return Rate{}, err
	}
	defer client.Close()
	defer server.Close()
	ctx, cancel := context.WithTimeout(ctx, limitTime)
	defer cancel()
	// A deadline beyond the measurement: a broken connection must end it too.
	deadline := time.Now().Add(limitTime + 10*time.Second)
	_, _ = client.SetDeadline(deadline), server.SetDeadline(deadline)

	go echo(server, size)
	e := &echoClient{out: bufio.NewWriterSize(client, 64<<10), waiting: make(chan chan struct{}, callers)}
	e.flush = sync.NewCond(&e.mu)
	var both sync.WaitGroup
	var readErr error
	both.Go(func() { readErr = e.read(client, size) })
	both.Go(func() { e.flushLoop() })

	began := time.Now()
	n := e.callers(ctx, size, callers)
	took := time.Since(began)
	e.close()
	both.Wait()
	return rateOf(n, size, took), errors.Join(readErr, e.err)
}

// frameHead is the length before each frame, in bytes.
const frameHead = 4

// echo sends every frame back, several in one write when several are there.
func echo(c net.Conn, size int) {
	in, out := bufio.NewReaderSize(c, 64<<10), bufio.NewWriterSize(c, 64<<10)
	frame := make([]byte, frameHead+size)
	for {
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		if _, err := out.Write(frame); err != nil {
			return
		}
		if in.Buffered() == 0 {
			runtime.Gosched()
			if out.Flush() != nil {
				return
			}
		}
	}
}

// echoClient writes frames of many callers and wakes each when its own is
// back; an echo keeps their order.
type echoClient struct {
	mu      sync.Mutex // guards the fields below
	flush   *sync.Cond
	out     *bufio.Writer
	waiting chan chan struct{}
	closed  bool
	err     error
}

func (e *echoClient) callers(ctx context.Context, size, callers int) int64 {
	counts := make([]int64, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			frame := binary.LittleEndian.AppendUint32(make([]byte, 0, frameHead+size), uint32(size))
			frame = frame[:frameHead+size]
			back := make(chan struct{}, 1)
			for ctx.Err() == nil {
				if !e.send(frame, back) {
					return
				}
				if _, ok := <-back; !ok {
					return
				}
				counts[i]++
			}
		})
	}
	all.Wait()
	return sum(counts)
}

func (e *echoClient) send(frame []byte, back chan struct{}) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err != nil || e.closed {
		return false
	}
	e.waiting <- back // as many places as callers: never blocks
	_, e.err = e.out.Write(frame)
	e.flush.Signal()
	return e.err == nil
}

// flushLoop flushes what callers have written, after one turn of the scheduler
// so that the frames of several go out together.
func (e *echoClient) flushLoop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.closed {
		if e.out.Buffered() == 0 {
			e.flush.Wait()
			continue
		}
		e.mu.Unlock()
		runtime.Gosched()
		e.mu.Lock()
		if err := e.out.Flush(); err != nil {
			e.err = err
			return
		}
	}
}

// read wakes the caller of each frame that comes back. When the connection ends it
// wakes all that wait, and returns.
func (e *echoClient) read(c net.Conn, size int) error {
	in := bufio.NewReaderSize(c, 64<<10)
	frame := make([]byte, frameHead+size)
	for back := range e.waiting {
		if _, err := io.ReadFull(in, frame); err != nil {
			close(back)
			e.fail(err)
			for back := range e.waiting {
				close(back)
			}
			return err
		}
		back <- struct{}{}
	}
	return nil
}

func (e *echoClient) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
	e.closeLocked()
}

func (e *echoClient) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closeLocked()
}

func (e *echoClient) closeLocked() {
	if !e.closed {
		e.closed = true
		close(e.waiting)
		e.flush.Broadcast()
	}
}
