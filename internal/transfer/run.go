package transfer

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"sync"
	"time"

	"github.com/foci-store/foci"
)

// Summary says how a copy ended.
type Summary struct {
	Files   int64   `json:"files"`
	Bytes   int64   `json:"bytes"`
	Skipped int64   `json:"skipped"`
	Errors  int64   `json:"errors"`
	Seconds float64 `json:"seconds"`
}

// Event is the end of one file: copied, skipped or failed.
type Event struct {
	Path    string // the file, or the object where no path can be named
	Bytes   int64  // copied
	Skipped string // why the file was left out; empty if it was not
	Err     error  // why the file was not copied
}

// Copy copies the files of a plan, several at a time, and goes on past those that
// fail.
type Copy struct {
	jobs        iter.Seq[job]
	do          func(context.Context, job) (bytes int64, err error)
	closeTarget func() error // nil if no folder is open
	parallel    int
	onFile      func(Event)

	mu    sync.Mutex // guards the fields below, and is held while onFile runs
	sum   Summary
	first error // of the first file that failed
}

// Run copies all files and returns when the last one has ended. It calls onFile at
// the end of each file, one call at a time. The error is that of the first file
// that failed.
func (c *Copy) Run(ctx context.Context, onFile func(Event)) (Summary, error) {
	c.onFile = onFile
	began := time.Now()
	queue := make(chan job, c.parallel)
	var workers sync.WaitGroup
	for range c.parallel {
		workers.Go(func() {
			for j := range queue {
				c.one(ctx, j)
			}
		})
	}
	for j := range c.jobs {
		if ctx.Err() != nil {
			c.finish(job{path: "interrupted"}, 0, context.Cause(ctx))
			break
		}
		queue <- j
	}
	close(queue)
	workers.Wait()
	if c.closeTarget != nil {
		_ = c.closeTarget() // every file in it was closed, with its error
	}
	c.sum.Seconds = time.Since(began).Seconds()
	return c.sum, c.first
}

// tries is how often a file is copied when the reason of its failure may pass.
// Sending a whole file again cannot double anything.
const tries = 3

func (c *Copy) one(ctx context.Context, j job) {
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

func (c *Copy) finish(j job, n int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := Event{Path: j.path, Err: err}
	switch {
	case err != nil:
		c.sum.Errors++
		if c.first == nil {
			c.first = err
		}
	case j.skip != "":
		c.sum.Skipped++
		e.Skipped = j.skip
	default:
		c.sum.Files++
		c.sum.Bytes += n
		e.Bytes = n
	}
	c.onFile(e)
}

// upload copies one local file into the store.
func upload(o Objects) func(context.Context, job) (int64, error) {
	return func(ctx context.Context, j job) (int64, error) {
		f, size, err := openRegular(j.path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		return o.Put(ctx, j.name, f, size)
	}
}

// download copies one object to a file below target. The folder is opened as a
// root, so that no link inside it leads a key elsewhere; the file appears under
// its name only when it is whole.
func download(o Objects, target *os.Root) func(context.Context, job) (int64, error) {
	return func(ctx context.Context, j job) (n int64, err error) {
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
		n, err = o.Get(ctx, j.name, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return n, err
		}
		if info, e := target.Lstat(j.path); e == nil && info.IsDir() {
			return n, &fs.PathError{Op: "write", Path: j.path, Err: errors.New("is a folder: another key ends below it")}
		}
		return n, target.Rename(part, j.path)
	}
}
