package store

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
	"github.com/foci-store/foci/internal/device/vfs"
)

// The names in a backend's directory.
const (
	IdentityFile = "backend.json"
	lockFile     = "LOCK"
	segmentsDir  = "segments"
)

const (
	dirFormat        = 1
	maxIdentityBytes = 4 << 10
)

// identity is the content of backend.json: what the directory is.
type identity struct {
	Format  int            `json:"format"`
	Backend foci.BackendID `json:"backend"`
	Cluster string         `json:"cluster"`
}

// lock keeps other processes out of the directory, which it makes if needed.
func lock(o *Options) (io.Closer, error) {
	err := vfs.MkdirAll(o.FS, o.FS.PathJoin(o.Dir, segmentsDir))
	if err == nil {
		var l io.Closer
		if l, err = o.FS.Lock(o.FS.PathJoin(o.Dir, lockFile)); err == nil {
			return l, nil
		}
	}
	if errors.Is(err, syscall.EAGAIN) {
		return nil, &foci.Error{
			Kind: foci.Busy, Op: "open backend", Where: o.Dir, Msg: "another process has it open", Err: err,
			Fix: "stop that process, or give this node a directory of its own",
		}
	}
	return nil, &foci.Error{
		Kind: foci.ReadOnly, Op: "open backend", Where: o.Dir, Msg: "cannot write to the directory", Err: err,
		Fix: "check the directory's owner and permissions, how it is mounted, and its free space",
	}
}

// identify reads the directory's identity, or makes a new backend as o asks for.
func identify(o *Options) (identity, error) {
	path := o.FS.PathJoin(o.Dir, IdentityFile)
	b, err := vfs.ReadFile(o.FS, path, maxIdentityBytes)
	if errors.Is(err, fs.ErrNotExist) {
		id, err := found(o, path)
		if vfs.IsFull(err) {
			err = &foci.Error{
				Kind: foci.ReadOnly, Op: "make backend", Where: o.Dir, Msg: "the disk is full", Err: err,
				Fix: "free space on the disk and start the node again",
			}
		}
		return id, err
	}
	if err != nil {
		return identity{}, foci.Errorf(foci.Corrupt, "read %s: %w", path, err)
	}
	var have identity
	if err := json.Unmarshal(b, &have); err != nil || have.Backend.IsZero() {
		return have, &foci.Error{
			Kind: foci.Corrupt, Op: "open backend", Where: path, Msg: "not the description of a backend", Err: err,
			Fix: "restore the file, or give the node an empty directory: a new backend that will be filled from the others",
		}
	}
	refuse := func(msg string) (identity, error) {
		return have, &foci.Error{
			Kind: foci.Denied, Op: "open backend", Where: o.Dir, Msg: msg,
			Fix: "give the node its own directory, or an empty one",
		}
	}
	switch {
	case have.Format != dirFormat:
		return refuse("its format is not known to this program")
	case have.Cluster != o.Cluster:
		return refuse("it belongs to cluster " + quote(have.Cluster) + ", this node is of " + quote(o.Cluster))
	case !o.ID.IsZero() && o.ID != have.Backend:
		return refuse("it is backend " + have.Backend.String() + ", expected is " + o.ID.String())
	}
	return have, nil
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// found makes a new backend. Its description comes last: a directory that has
// one has had a first segment, so a missing segment is always noticed.
func found(o *Options, path string) (identity, error) {
	segments := o.FS.PathJoin(o.Dir, segmentsDir)
	if err := segment.RemoveUnused(o.FS, segments); err != nil {
		return identity{}, &foci.Error{
			Kind: foci.Corrupt, Op: "open backend", Where: o.Dir, Msg: "there are records, but no " + IdentityFile, Err: err,
			Fix: "restore the file, or give the node an empty directory",
		}
	}
	if err := index.Remove(o.FS, o.Dir); err != nil {
		return identity{}, err
	}
	id := identity{Format: dirFormat, Backend: o.ID, Cluster: o.Cluster}
	if id.Backend.IsZero() {
		drawn, err := foci.NewUUID(rand.Reader)
		if err != nil {
			return identity{}, err
		}
		id.Backend = drawn
	}
	h := segment.NewHeader(id.Backend, 0, 0)
	var none segment.Batch
	none.ResetFirst(h)
	w, err := segment.Create(o.FS, segments, h, &none)
	if err != nil {
		return id, err
	}
	if err := w.Close(); err != nil {
		return id, err
	}
	b, err := json.Marshal(id)
	if err != nil {
		return id, err
	}
	return id, vfs.WriteFile(o.FS, path, append(b, '\n'))
}

// Exists reports whether a directory is a backend's.
func Exists(fsys vfs.FS, dir string) bool {
	_, err := fsys.Stat(fsys.PathJoin(dir, IdentityFile))
	return err == nil
}
