package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is a tree of files with names as the operating system has them. Methods may
// be called at the same time for different files.
type FS interface {
	Open(name string) (fs.File, error)
	Stat(name string) (fs.FileInfo, error)
	// WriteFile replaces a file durably: after a crash the old content or the new
	// one is there, and the new one once it has returned nil.
	WriteFile(name string, data []byte) error
	// WriteSecret does the same; only the file's owner can read it. A symbolic link
	// stays, and leads to the new content.
	WriteSecret(name string, data []byte) error
}

// OS is the file system of the machine.
func OS() FS { return system{} }

type system struct{}

func (system) Open(name string) (fs.File, error)     { return os.Open(name) }
func (system) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (system) WriteFile(name string, data []byte) error {
	return replace(name, data, func() (*os.File, error) {
		return os.OpenFile(name+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	})
}

func (system) WriteSecret(name string, data []byte) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	return replace(name, data, func() (*os.File, error) {
		return os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp") // mode 0600
	})
}

// replace writes a file beside name and puts it in its place.
func replace(name string, data []byte, create func() (*os.File, error)) error {
	f, err := create()
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ErrTooLong is the answer to a file over its limit.
var ErrTooLong = errors.New("file is longer than it may be")

// ReadFile is the content of a small file, at most limit bytes of it.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := Read(f, limit)
	return b, errors.Join(err, f.Close())
}

// Read is the content of a small file that is open, at most limit bytes of it.
func Read(f io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = ErrTooLong
	}
	return b, err
}
