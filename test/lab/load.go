package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// Load puts objects, one after the other by each of some callers, and remembers
// which of them were acknowledged.
type Load struct {
	t       testing.TB
	session *client.Session
	bucket  string
	stop    context.CancelFunc
	callers sync.WaitGroup
	next    atomic.Int64
	newest  atomic.Int64 // when the last one was acknowledged, Unix ns

	mu    sync.Mutex
	acked []int64
	slow  time.Duration // the longest of them took
	errs  map[foci.Kind]int
	first error
}

// loadCallers is how many callers a load has, and loadSize the bytes of each
// object: neither is to saturate a small machine.
const (
	loadCallers = 8
	loadSize    = 2000
)

// Load starts to put objects into a bucket of its own.
func (l *Lab) Load(cl *client.Client, bucket string, timeout time.Duration) *Load {
	ctx, cancel := context.WithCancel(l.t.Context())
	d := &Load{t: l.t, session: cl.Session(client.SessionOptions{Timeout: timeout}), bucket: bucket, stop: cancel, errs: map[foci.Kind]int{}}
	for range loadCallers {
		d.callers.Go(func() {
			for ctx.Err() == nil {
				d.put(ctx)
			}
		})
	}
	l.t.Cleanup(d.Stop)
	return d
}

func (d *Load) put(ctx context.Context) {
	i := d.next.Add(1)
	began := time.Now()
	_, err := d.session.Put(ctx, d.object(i), bytes.NewReader(loadBytes(i)), loadSize, client.PutOptions{})
	took := time.Since(began)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.acked = append(d.acked, i)
		d.slow = max(d.slow, took)
		d.newest.Store(time.Now().UnixNano())
	case ctx.Err() != nil: // stopped
	default:
		d.errs[foci.KindOf(err)]++
		if d.first == nil {
			d.first = err
		}
	}
}

func (d *Load) object(i int64) foci.Name {
	return foci.Name{Bucket: d.bucket, Key: fmt.Sprintf("object-%07d", i)}
}

func loadBytes(i int64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%019d\n", i), loadSize/20)
}

// Stop ends the load and waits for its callers. It may be called twice.
func (d *Load) Stop() {
	d.stop()
	d.callers.Wait()
}

// Acked is how many puts were acknowledged so far.
func (d *Load) Acked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.acked)
}

// Failed is how many puts ended with an error, and the first of these.
func (d *Load) Failed() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, k := range d.errs {
		n += k
	}
	return n, d.first
}

// Slowest is the longest time that an acknowledged put took.
func (d *Load) Slowest() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slow
}

// Progress waits until as many more puts are acknowledged.
func (d *Load) Progress(l *Lab, more int, within time.Duration) time.Duration {
	l.t.Helper()
	want := d.Acked() + more
	return l.Eventually(within, fmt.Sprintf("%d more puts", more), func() error {
		if n := d.Acked(); n < want {
			_, err := d.Failed()
			return fmt.Errorf("%d are missing; first error: %w", want-n, err)
		}
		return nil
	})
}

// ReadBack reads every acknowledged object and compares its bytes.
func (d *Load) ReadBack() {
	d.t.Helper()
	d.Stop()
	var readers sync.WaitGroup
	var lost atomic.Int64
	work := make(chan int64)
	for range loadCallers {
		readers.Go(func() {
			for i := range work {
				if err := d.check(i); err != nil && lost.Add(1) <= 5 {
					d.t.Errorf("acknowledged object %d: %v", i, err)
				}
			}
		})
	}
	for _, i := range d.acked {
		work <- i
	}
	close(work)
	readers.Wait()
	if n := lost.Load(); n > 0 {
		d.t.Errorf("%d of %d acknowledged objects did not come back", n, len(d.acked))
	}
}

func (d *Load) check(i int64) error { return same(d.t, d.session, d.object(i), loadBytes(i)) }

// same reads an object and compares its bytes.
func same(t testing.TB, s *client.Session, n foci.Name, want []byte) error {
	o, err := s.Get(t.Context(), n, client.GetOptions{})
	if err != nil {
		return err
	}
	defer o.Close()
	got, err := io.ReadAll(o)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%d other bytes came", len(got))
	}
	return err
}
