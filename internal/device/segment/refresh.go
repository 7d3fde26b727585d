package segment

import (
	"errors"

	"github.com/foci-store/foci/internal/device/vfs"
)

// Refresh makes the tail durable in place: it writes the same bytes again and syncs
// them, because after a failed fsync another one writes out only what was written
// since. Unlike a copy in a new segment this needs no space, except on file systems
// that never overwrite.
func (c *Chain) Refresh(t Tail) (err error) {
	if len(t.Whole) == 0 {
		return nil
	}
	f, err := c.fs.OpenReadWrite(c.fs.PathJoin(c.dir, fileName(c.Newest())), "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end := int64(t.Whole[len(t.Whole)-1].end())
	buf := make([]byte, min(window, end-int64(t.Proven)))
	for at := int64(t.Proven); at < end; {
		p := buf[:min(int64(len(buf)), end-at)]
		n, err := f.ReadAt(p, at)
		if n < len(p) {
			return errors.Join(err, errors.New("the segment has become shorter"))
		}
		if _, err := f.WriteAt(p, at); err != nil {
			return err
		}
		at += int64(n)
	}
	if err := f.Sync(); err != nil {
		return &SyncError{err}
	}
	if err := vfs.SyncDir(c.fs, c.dir); err != nil {
		return &SyncError{err}
	}
	return nil
}
