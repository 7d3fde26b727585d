package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/vfs"
)

// openRegular opens a file to be copied and refuses one that is not regular. It never
// waits for the writer of a named pipe, not even if the pipe has replaced the file since
// the copy was planned.
func openRegular(path string) (f *os.File, size int64, err error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY
	if mutant.On(mutant.CopyPipe) {
		flags = os.O_RDONLY
	}
	f, err = os.OpenFile(path, flags, 0)
	switch {
	case errors.Is(err, syscall.ENXIO):
		return nil, 0, notRegular(path, os.ModeSocket)
	case err != nil:
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !mutant.On(mutant.CopyPipe) {
		err = notRegular(path, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// notRegular is the error for a source that is no regular file.
func notRegular(path string, mode os.FileMode) error {
	what := "a device"
	switch {
	case mode.IsDir():
		what = "a folder"
	case mode&os.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&os.ModeSocket != 0:
		what = "a socket"
	}
	return &foci.Error{Kind: foci.Invalid, Op: "cp", Where: path, Msg: "is " + what + ", not a regular file", Fix: "foci put KEY FILE stores what a pipe or device gives"}
}

// Create opens what will become the file path. Commit takes the error of writing
// it, closes the file, and renames it to path, or removes it after an error. What
// is there and no regular file (a pipe, a device) is written in place.
func Create(path string) (f *os.File, commit func(error) error, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return nil, nil, badArgument("%s: is a folder, want a file", path)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return f, func(err error) error { return errors.Join(err, f.Close()) }, err
	}
	if f, err = os.CreateTemp(filepath.Dir(path), ".foci-*"); err != nil {
		return nil, nil, foci.Errorf(foci.Invalid, "%s: no file can be made in its folder: %w", path, vfs.Cause(err))
	}
	commit = func(err error) error {
		if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
		return err
	}
	return f, commit, nil
}
