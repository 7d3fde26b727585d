package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"sync"
	"time"

	"github.com/foci-store/foci"
)

// copySummary is how a copy ended.
type copySummary struct {
	Files   int64   `json:"files"`
	Bytes   int64   `json:"bytes"`
	Skipped int64   `json:"skipped"`
	Errors  int64   `json:"errors"`
	Seconds float64 `json:"seconds"`
}

func (s copySummary) String() string {
	return fmt.Sprintf("%d files, %v, %d skipped, %d errors in %.1f s (%v/s)",
		s.Files, byteSize(s.Bytes), s.Skipped, s.Errors, s.Seconds, byteSize(float64(s.Bytes)/max(s.Seconds, 1e-3)))
}

// copier runs the jobs of one copy, some at a time, and goes on past those
// that fail.
type copier struct {
	do       func(context.Context, copyJob) (bytes int64, err error)
	parallel int
	tell     func(format string, args ...any) // one line for people, for each skipped or failed file
	progress func(copyJob, int64)             // after each file that was copied

	mu    sync.Mutex
	sum   copySummary
	first error // of those that failed
}

// run is done when every job is.
func (c *copier) run(ctx context.Context, jobs iter.Seq[copyJob]) copySummary {
	began := time.Now()
	queue := make(chan copyJob, c.parallel)
	var workers sync.WaitGroup
	for range c.parallel {
		workers.Go(func() {
			for j := range queue {
				c.one(ctx, j)
			}
		})
	}
	for j := range jobs {
		if ctx.Err() != nil {
			c.finish(copyJob{path: "interrupted"}, 0, context.Cause(ctx))
			break
		}
		queue <- j
	}
	close(queue)
	workers.Wait()
	c.sum.Seconds = time.Since(began).Seconds()
	return c.sum
}

// tries is how often a file is copied when the reason of its failure may pass.
// Sending a whole file again cannot double anything.
const tries = 3

func (c *copier) one(ctx context.Context, j copyJob) {
	if j.skip != "" || j.err != nil {
		c.finish(j, 0, j.err)
		return
	}
	var n int64
	var err error
	for range tries {
		n, err = c.do(ctx, j)
		if err == nil || ctx.Err() != nil || !mayPass(err) {
			break
		}
	}
	c.finish(j, n, err)
}

func mayPass(err error) bool {
	switch foci.KindOf(err) {
	case foci.OutcomeUnknown, foci.Busy, foci.NoQuorum, foci.Unreachable, foci.Stalled, foci.Gone:
		return true
	}
	return false
}

func (c *copier) finish(j copyJob, n int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.sum.Errors++
		if c.first == nil {
			c.first = err
		}
		c.tell("%s: %v", j.path, err)
	case j.skip != "":
		c.sum.Skipped++
		c.tell("%s: skipped: %s", j.path, j.skip)
	default:
		c.sum.Files++
		c.sum.Bytes += n
		c.progress(j, n)
	}
}

// upload copies one local file into the store.
func upload(o objects) func(context.Context, copyJob) (int64, error) {
	return func(ctx context.Context, j copyJob) (int64, error) {
		f, size, err := openRegular(j.path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		return o.put(ctx, j.name, f, size)
	}
}

// download copies one object to a file below target. The folder is opened as a
// root, so that no link inside it leads a key elsewhere; the file appears under
// its name only when it is whole.
func download(o objects, target *os.Root) func(context.Context, copyJob) (int64, error) {
	return func(ctx context.Context, j copyJob) (n int64, err error) {
		dir := path.Dir(j.path)
		if err := target.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
		part := path.Join(dir, ".foci-"+rand.Text()[:12])
		f, err := target.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return 0, err
		}
		defer func() {
			if err != nil {
				_ = target.Remove(part)
			}
		}()
		n, err = o.get(ctx, j.name, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return n, err
		}
		if info, e := target.Lstat(j.path); e == nil && info.IsDir() {
			return n, &fs.PathError{Op: "write", Path: j.path, Err: errors.New("is a folder: another key ends below it")}
		}
		return n, target.Rename(part, j.path)
	}
}
