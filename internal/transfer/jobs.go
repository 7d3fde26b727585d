package transfer

import (
	"context"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// job is one file of a copy.
type job struct {
	name foci.Name
	path string // local: absolute or relative to the working directory; below the target for downloads
	size int64  // -1 = unknown
	skip string // why the file is left out, if it is
	err  error  // why the file cannot be copied, if it cannot
}

// uploads yields every regular file below a folder. What is neither file nor
// folder (links, devices, sockets) is skipped, as an object could not give it back.
func uploads(root string, to Place) iter.Seq[job] {
	return func(yield func(job) bool) {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			j := job{path: path, size: -1, err: err}
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

// followed returns the path by which uploads walks a folder that the user named:
// if it is a symbolic link it is followed, unlike links below it.
func followed(root string) string {
	if strings.HasSuffix(root, string(filepath.Separator)) || mutant.On(mutant.LinkedFolder) {
		return root
	}
	return root + string(filepath.Separator) // the system then resolves the link
}

// fill names the object of a file found below root.
func (j *job) fill(root string, to Place, d fs.DirEntry) {
	rel, err := filepath.Rel(root, j.path)
	if err != nil {
		j.err = err
		return
	}
	j.name = foci.Name{Bucket: to.Bucket, Key: to.prefix() + filepath.ToSlash(rel)}
	if j.err = j.name.Validate(); j.err != nil {
		return
	}
	if info, err := d.Info(); err == nil {
		j.size = info.Size()
	}
}

// downloads yields every key below a prefix. A failed listing ends it with a
// job that carries the error: what came before is copied all the same.
func downloads(ctx context.Context, o Objects, from Place) iter.Seq[job] {
	return func(yield func(job) bool) {
		prefix := from.prefix()
		for item, err := range o.List(ctx, from.Bucket, prefix) {
			j := job{name: foci.Name{Bucket: from.Bucket, Key: item.Key}, size: item.Size, err: err}
			if err != nil {
				j.path = Scheme + from.Bucket + "/" + prefix
			} else {
				j.path = strings.TrimPrefix(item.Key, prefix)
				if j.err = safeRelative(j.path); j.err != nil {
					j.path = Scheme + quoted(j.name.String()) // no local path
				}
			}
			if !yield(j) || err != nil {
				return
			}
		}
	}
}
