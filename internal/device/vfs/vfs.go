package vfs

import (
	"errors"
	"os"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/foci-store/foci/internal/device/files"
)

// FS is a tree of files.
type FS = pebblevfs.FS

// File is an open file or directory. Write and Sync must not run at the same
// time; ReadAt may run beside them.
type File = pebblevfs.File

// OpenOption changes how a file is opened.
type OpenOption = pebblevfs.OpenOption

// Op is one operation on a file system, as seen by an injector of errors.
type Op = errorfs.Op

// OS is the file system of the machine.
func OS() FS { return pebblevfs.Default }

// WithErrors returns fs with inject called before every operation. If inject returns
// an error, the operation fails with it and does not happen.
func WithErrors(fs FS, inject func(Op) error) FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(inject))
}

// Create makes a new, empty file for writing and reading.
func Create(fs FS, name string) (File, error) {
	return fs.Create(name, pebblevfs.WriteCategoryUnspecified)
}

// ReadFile is the content of a small file, at most limit bytes of it.
func ReadFile(fs FS, name string, limit int64) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := files.Read(f, limit)
	return b, errors.Join(err, f.Close())
}

// WriteFile replaces a small file durably: after a crash the old content or
// the new one is there, and the new one once WriteFile has returned nil.
func WriteFile(fs FS, name string, data []byte) error {
	tmp := name + ".tmp"
	f, err := Create(fs, tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = fs.Remove(tmp)
		return err
	}
	if err := fs.Rename(tmp, name); err != nil {
		return err
	}
	return SyncDir(fs, fs.PathDir(name))
}

// MkdirAll makes a directory and its missing parents, durably.
func MkdirAll(fs FS, dir string) error {
	// Every directory that gains an entry has to be synced, once all exist.
	var gained []string
	for d := dir; ; d = fs.PathDir(d) {
		if _, err := fs.Stat(d); err == nil || d == fs.PathDir(d) {
			break
		}
		gained = append(gained, fs.PathDir(d))
	}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, d := range gained {
		if err := SyncDir(fs, d); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes creations, renames and removals in a directory durable.
func SyncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Free is the space available on the disk of dir, in bytes. ok is false where the
// file system does not report it.
func Free(fs FS, dir string) (bytes uint64, ok bool) {
	u, err := fs.GetDiskUsage(dir)
	return u.AvailBytes, err == nil
}

// Cause strips the operation and the path from an error of package os.
func Cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
