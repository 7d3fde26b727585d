package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"time"
)

// Bounds on each measurement of a machine's limit: long enough that one slow
// fsync does not make the figure.
const (
	limitTime  = 2 * time.Second
	limitBytes = 1 << 30
)

// Rate is what the machine does without Foci.
type Rate struct {
	PerSecond float64 `json:"per_second"`
	Bytes     float64 `json:"bytes_per_second"`
}

func rateOf(n int64, size int, took time.Duration) Rate {
	perSecond := float64(n) / max(took.Seconds(), 1e-9)
	return Rate{PerSecond: perSecond, Bytes: perSecond * float64(size)}
}

// DiskLimit measures the disk's bound on puts: size bytes appended to one file
// and fsynced, by so many writers that share fsyncs (group commit). The file is
// created in dir and removed afterwards.
func DiskLimit(ctx context.Context, dir string, size, writers int) (Rate, error) {
	f, err := os.CreateTemp(dir, "foci-bench-*")
	if err != nil {
		return Rate{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	ctx, cancel := context.WithTimeout(ctx, limitTime)
	defer cancel()
	log := commitLog{f: f, queue: make(chan chan error, writers)}
	buf := make([]byte, size)
	_, _ = rand.Read(buf)

	began := time.Now()
	var committer, all sync.WaitGroup
	committer.Go(func() { log.run(buf) })
	most := limitBytes / int64(writers*max(size, 1))
	counts := make([]int64, writers)
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() {
			done := make(chan error, 1)
			for counts[i] < max(1, most) && ctx.Err() == nil && errs[i] == nil {
				log.queue <- done
				errs[i] = <-done
				counts[i]++
			}
		})
	}
	all.Wait()
	close(log.queue)
	committer.Wait()
	took := time.Since(began)
	return rateOf(sum(counts), size, took), errors.Join(errs...)
}

// commitLog is a minimal group commit: it writes the waiting records, then one fsync
// acknowledges them all.
type commitLog struct {
	f     *os.File
	queue chan chan error
}

func (l *commitLog) run(buf []byte) {
	var waiting []chan error
	for first := range l.queue {
		waiting = append(waiting[:0], first)
		for range len(l.queue) {
			waiting = append(waiting, <-l.queue)
		}
		var err error
		for range waiting {
			if _, e := l.f.Write(buf); e != nil {
				err = e
			}
		}
		if e := l.f.Sync(); e != nil {
			err = e
		}
		for _, w := range waiting {
			w <- err
		}
	}
}

func sum(counts []int64) int64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	return n
}
