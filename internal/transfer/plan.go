package transfer

import (
	"context"
	"iter"
	"os"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// Options say what is copied where.
type Options struct {
	Objects   Objects
	From, To  Place // one of them is remote
	Recursive bool  // all files below From
	Parallel  int   // files at a time
}

// ArgumentError reports an invalid source or target.
type ArgumentError struct{ Err error }

func (e *ArgumentError) Error() string { return e.Err.Error() }
func (e *ArgumentError) Unwrap() error { return e.Err }

func badArgument(format string, args ...any) error {
	return &ArgumentError{foci.Errorf(foci.Invalid, format, args...)}
}

// New plans a copy. Of a remote prefix it fetches the first page of the listing:
// a prefix without keys is NotFound, and nothing is created for it.
func New(ctx context.Context, o Options) (*Copy, error) {
	c := &Copy{parallel: o.Parallel}
	var err error
	switch {
	case o.From.Remote == o.To.Remote:
		err = badArgument("one of SRC and DST must be %sbucket/prefix, the other a local path", Scheme)
	case o.To.Remote:
		err = c.planUpload(&o)
	case o.Recursive:
		err = c.planFolder(ctx, &o)
	default:
		err = c.planDownload(&o)
	}
	return c, err
}

func (c *Copy) planUpload(o *Options) error {
	info, err := os.Stat(o.From.Path)
	switch {
	case err != nil:
		return err
	case info.IsDir() && !o.Recursive:
		return badArgument("%s is a folder; -r copies folders", o.From.Path)
	case !info.IsDir() && !info.Mode().IsRegular() && !mutant.On(mutant.CopyPipe):
		return notRegular(o.From.Path, info.Mode())
	}
	c.do = upload(o.Objects)
	if info.IsDir() {
		c.jobs = uploads(followed(o.From.Path), o.To)
		return nil
	}
	j := job{name: foci.Name{Bucket: o.To.Bucket, Key: o.To.keyFor(o.From.Path)}, path: o.From.Path, size: info.Size()}
	j.err = j.name.Validate()
	c.jobs = single(j)
	return nil
}

func (c *Copy) planDownload(o *Options) error {
	name := foci.Name{Bucket: o.From.Bucket, Key: o.From.Key}
	if err := name.Validate(); err != nil {
		return &ArgumentError{err}
	}
	file, err := o.To.fileFor(o.From.Key)
	if err != nil {
		return err
	}
	c.do = downloadTo(o.Objects)
	c.jobs = single(job{name: name, path: file, size: -1})
	return nil
}

// planFolder plans the download of all keys below a prefix.
func (c *Copy) planFolder(ctx context.Context, o *Options) error {
	next, stop := iter.Pull(downloads(ctx, o.Objects, o.From))
	first, found := next()
	if !found && !mutant.On(mutant.NothingCopied) {
		stop()
		return &foci.Error{Kind: foci.NotFound, Op: "cp", Where: Scheme + o.From.Bucket + "/" + o.From.prefix(), Msg: "no key begins with this prefix", Fix: "foci ls shows keys"}
	}
	root, err := openTarget(o.To.Path)
	if err != nil {
		stop()
		return err
	}
	c.do = download(o.Objects, root)
	c.closeTarget = root.Close
	c.jobs = func(yield func(job) bool) {
		defer stop()
		for j, more := first, found; more && yield(j); j, more = next() {
		}
	}
	return nil
}

// openTarget creates the folder that files are copied into and opens it as a root.
func openTarget(path string) (*os.Root, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(path)
}

func single(j job) iter.Seq[job] {
	return func(yield func(job) bool) { yield(j) }
}

// downloadTo copies one object to a file that the user has named.
func downloadTo(o Objects) func(context.Context, job) (int64, error) {
	return func(ctx context.Context, j job) (int64, error) {
		f, commit, err := Create(j.path)
		if err != nil {
			return 0, err
		}
		n, err := o.Get(ctx, j.name, f)
		return n, commit(err)
	}
}
