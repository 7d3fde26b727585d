package main

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// copyJob is one file of a copy. An err means that this file cannot be copied;
// skip says why it need not be.
type copyJob struct {
	name foci.Name
	path string // local: absolute or relative to the working directory; below the target for downloads
	size int64  // -1 = unknown
	skip string
	err  error
}

// objects is what a copy needs of the store.
type objects interface {
	put(ctx context.Context, name foci.Name, f *os.File, size int64) (int64, error)
	get(ctx context.Context, name foci.Name, w *os.File) (int64, error)
	list(ctx context.Context, bucket, prefix string) iter.Seq2[listedKey, error]
}

// listedKey is one key of a listing.
type listedKey struct {
	key  string
	size int64
}

// uploads yields every regular file below a folder. What is neither file nor
// folder (links, devices, sockets) is skipped, as an object could not give it back.
func uploads(root string, to place) iter.Seq[copyJob] {
	return func(yield func(copyJob) bool) {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			j := copyJob{path: path, size: -1, err: err}
			switch {
			case err != nil:
			case d.IsDir():
				return nil
			case !d.Type().IsRegular():
				j.skip = "not a regular file"
			default:
				j.fill(root, to, d)
			}
			if !yield(j) {
				return fs.SkipAll
			}
			if err != nil && d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
	}
}

// followed is a folder as uploads walks it: a symbolic link to a folder that the
// user has named is followed, unlike those below it.
func followed(root string) string {
	if strings.HasSuffix(root, string(filepath.Separator)) || mutant.On(mutant.LinkedFolder) {
		return root
	}
	return root + string(filepath.Separator) // the system then resolves the link
}

// fill names the object of a file found below root.
func (j *copyJob) fill(root string, to place, d fs.DirEntry) {
	rel, err := filepath.Rel(root, j.path)
	if err != nil {
		j.err = err
		return
	}
	j.name = foci.Name{Bucket: to.bucket, Key: to.prefix() + filepath.ToSlash(rel)}
	if j.err = j.name.Validate(); j.err != nil {
		return
	}
	if info, err := d.Info(); err == nil {
		j.size = info.Size()
	}
}

// downloads yields every key below a prefix. A failed listing ends it with a
// job that carries the error: what came before is copied all the same.
func downloads(ctx context.Context, o objects, from place) iter.Seq[copyJob] {
	return func(yield func(copyJob) bool) {
		prefix := from.prefix()
		for item, err := range o.list(ctx, from.bucket, prefix) {
			j := copyJob{name: foci.Name{Bucket: from.bucket, Key: item.key}, size: item.size, err: err}
			if err != nil {
				j.path = scheme + from.bucket + "/" + prefix
			} else {
				j.path = strings.TrimPrefix(item.key, prefix)
				if j.err = safeRelative(j.path); j.err != nil {
					j.path = scheme + printable(j.name.String()) // there is no such file
				}
			}
			if !yield(j) || err != nil {
				return
			}
		}
	}
}
