package index

import (
	"errors"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// maxForkBytes bounds what an index holds in memory while the disk is full.
const maxForkBytes = 256 << 20

// OpenFork opens a copy of the index that changes in memory only, for a backend
// whose disk is full; files are those of an [Open] that goes on meanwhile. An index
// that cannot be used is replaced by an empty one.
func OpenFork(o *Options, files *vfs.Waiting) (*Index, error) {
	empty := o.path() + "-empty"
	if _, err := o.FS.Stat(o.note()); err == nil {
		return fork(o, files, empty)
	}
	x, err := fork(o, files, o.path())
	if err == nil {
		return x, nil
	}
	o.Logger.Warn("index cannot be used, rebuilding it from the log in memory", "dir", o.path(), "reason", err)
	return fork(o, files, empty)
}

func fork(o *Options, files *vfs.Waiting, dir string) (*Index, error) {
	var copied *vfs.Fork
	err := files.Freeze(func() (err error) {
		copied, err = vfs.NewFork(o.FS, dir, func(name string) bool { return !strings.HasSuffix(name, ".sst") })
		return err
	})
	if err != nil {
		return nil, err
	}
	x := newIndex(o)
	x.fork = copied
	opts := pebbleOptions(o, x, copied)
	opts.DisableAutomaticCompactions, opts.L0StopWritesThreshold = true, 1<<20
	if err = x.open(o, opts, dir); err == nil {
		if err = x.belongsTo(o.Backend); err == nil {
			return x, nil
		}
		_ = x.db.Close()
	}
	return nil, errors.Join(err, copied.Release())
}

// Bounded fails when a fork holds too much in memory.
func (x *Index) Bounded() error {
	if n := x.fork.Bytes(); n > maxForkBytes {
		return foci.Errorf(foci.TooLarge, "an index of %d MiB in memory, at most %d are allowed", n>>20, maxForkBytes>>20)
	}
	return nil
}
