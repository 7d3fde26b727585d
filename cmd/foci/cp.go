package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/mutant"
)

// maxParallel bounds --parallel.
const maxParallel = 1024

func cpCommand(a *app) *cobra.Command {
	r := remoteFlags{each: true}
	var recursive bool
	var parallel int
	c := &cobra.Command{
		Use:   "cp [-r] SRC DST",
		Short: "Copy files into the store or out of it, whole folders with -r",
		Long: `Copy between this machine and the store: one of SRC and DST is foci://bucket/prefix, the other a
local path. With -r all files below SRC are copied, and keep their paths below DST.

SRC itself may be a symbolic link to a file or folder: it is followed. Below SRC, what is no regular
file (links, pipes, devices) is skipped and counted. A prefix without keys is not found (exit status 3). A key that would leave the
target folder, or that is no file name, is an error; other files go on, and the exit status is 1
at the end. Files appear under their names only when they are whole.

  foci cp report.pdf foci://docs/
  foci cp -r ~/pictures foci://pictures/2026
  foci cp -r foci://pictures/2026 /tmp/pictures`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			if parallel < 1 || parallel > maxParallel {
				return usagef("--parallel %d: want 1 to %d", parallel, maxParallel)
			}
			from, to, err := parseSides(args[0], args[1])
			if err != nil {
				return err
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				return a.copy(c.Context(), sessionObjects{a, s}, from, to, recursive, parallel)
			})
		},
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "copy all files below SRC")
	c.Flags().IntVar(&parallel, "parallel", 16, "how many files at a time")
	r.add(a, c)
	r.addLevels(c, true)
	return c
}

// parseSides reads source and target; exactly one is in the store.
func parseSides(src, dst string) (from, to place, err error) {
	if from, err = parsePlace(src); err != nil {
		return from, to, err
	}
	if to, err = parsePlace(dst); err != nil {
		return from, to, err
	}
	if from.remote == to.remote {
		return from, to, usagef("one of SRC and DST must be %sbucket/prefix, the other a local path", scheme)
	}
	return from, to, nil
}

// copy runs the whole command and prints its summary.
func (a *app) copy(ctx context.Context, o objects, from, to place, recursive bool, parallel int) error {
	c := copier{parallel: parallel, tell: a.message}
	jobs, err := c.plan(ctx, o, from, to, recursive)
	if err != nil {
		return err
	}
	finish := a.copyProgress(&c)
	sum := c.run(ctx, jobs)
	finish()
	err = a.print(sum, func() error {
		return a.line("%v", sum)
	})
	switch {
	case err != nil:
		return err
	case sum.Errors == 0:
		return nil
	case recursive:
		return errReported
	}
	return errors.Join(errReported, c.first) // one file: its own exit status
}

// plan says what is to be done with which files.
func (c *copier) plan(ctx context.Context, o objects, from, to place, recursive bool) (iter.Seq[copyJob], error) {
	if to.remote {
		info, err := os.Stat(from.path)
		switch {
		case err != nil:
			return nil, err
		case info.IsDir() && !recursive:
			return nil, usagef("%s is a folder; -r copies folders", from.path)
		case !info.IsDir() && !info.Mode().IsRegular() && !mutant.On(mutant.CopyPipe):
			return nil, notRegular(from.path, info.Mode())
		}
		c.do = upload(o)
		if info.IsDir() {
			return uploads(followed(from.path), to), nil
		}
		j := copyJob{name: foci.Name{Bucket: to.bucket, Key: to.keyFor(from.path)}, path: from.path, size: info.Size()}
		j.err = j.name.Validate()
		return single(j), nil
	}
	if recursive {
		return c.planFolder(ctx, o, from, to)
	}
	name := foci.Name{Bucket: from.bucket, Key: from.key}
	if err := name.Validate(); err != nil {
		return nil, usage(err)
	}
	file, err := to.fileFor(from.key)
	if err != nil {
		return nil, err
	}
	c.do = downloadTo(o)
	return single(copyJob{name: name, path: file, size: -1}), nil
}

// planFolder is the plan of a copy of all keys below a prefix. Nothing is made
// when there are none.
func (c *copier) planFolder(ctx context.Context, o objects, from, to place) (iter.Seq[copyJob], error) {
	next, stop := iter.Pull(downloads(ctx, o, from))
	first, found := next()
	if !found && !mutant.On(mutant.NothingCopied) {
		stop()
		return nil, &foci.Error{Kind: foci.NotFound, Op: "cp", Where: scheme + from.bucket + "/" + from.prefix(), Msg: "no key begins with this prefix", Fix: "foci ls shows keys"}
	}
	if err := os.MkdirAll(to.path, 0o755); err != nil {
		stop()
		return nil, err
	}
	// The root stays open until the process ends, which is soon.
	root, err := os.OpenRoot(to.path)
	if err != nil {
		stop()
		return nil, err
	}
	c.do = download(o, root)
	return func(yield func(copyJob) bool) {
		defer stop()
		for j, more := first, found; more && yield(j); j, more = next() {
		}
	}, nil
}

func single(j copyJob) iter.Seq[copyJob] {
	return func(yield func(copyJob) bool) { yield(j) }
}

// downloadTo copies one object to a file that the user has named.
func downloadTo(o objects) func(context.Context, copyJob) (int64, error) {
	return func(ctx context.Context, j copyJob) (int64, error) {
		f, commit, err := outputFile(j.path)
		if err != nil {
			return 0, err
		}
		n, err := o.get(ctx, j.name, f)
		return n, commit(err)
	}
}

// copyProgress shows files and bytes so far on a terminal; messages then go
// above it.
func (a *app) copyProgress(c *copier) (finish func()) {
	c.progress = func(copyJob, int64) {}
	if !a.onTerminal() {
		return func() {}
	}
	var files, bytes atomic.Int64
	p := mpb.New(mpb.WithOutput(a.stderr))
	b := p.New(0, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
		return fmt.Sprintf("%d files, %v", files.Load(), byteSize(bytes.Load()))
	})))
	c.progress = func(_ copyJob, n int64) { files.Add(1); bytes.Add(n) }
	c.tell = func(format string, args ...any) { tell(p, format, args...) }
	return func() {
		b.Abort(true)
		p.Wait()
	}
}

// sessionObjects is a session as a copy needs it.
type sessionObjects struct {
	app *app
	s   *client.Session
}

func (o sessionObjects) put(ctx context.Context, n foci.Name, f *os.File, size int64) (int64, error) {
	res, err := o.s.Put(ctx, n, f, size, nil)
	return res.Size, err
}

func (o sessionObjects) get(ctx context.Context, n foci.Name, w *os.File) (int64, error) {
	obj, err := o.s.Get(ctx, n, client.GetOptions{Length: -1})
	if err != nil {
		return 0, err
	}
	defer obj.Close()
	return obj.WriteTo(w)
}

func (o sessionObjects) list(ctx context.Context, bucket, prefix string) iter.Seq2[listedKey, error] {
	return func(yield func(listedKey, error) bool) {
		for item, err := range o.s.List(ctx, bucket, client.ListOptions{Prefix: prefix}) {
			if !yield(listedKey{item.Key, item.Size}, err) || err != nil {
				return
			}
		}
	}
}
