package segment

import (
	"errors"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Files keeps a bounded number of segments open for reading and counts their readers.
type Files struct {
	fs  vfs.FS
	dir string
	max int

	mu     sync.Mutex // guards the fields below
	closed bool
	tick   uint64
	open   map[uint64]*Reading
}

// Reading is a segment in use by one or more readers. Each calls Done at its end.
type Reading struct {
	*File
	files *Files
	once  sync.Once
	err   error
	users int    // guarded by files.mu, as is used
	used  uint64 // when it was last asked for
}

// NewFiles keeps at most max files open beyond those that are being read.
func NewFiles(fs vfs.FS, dir string, max int) *Files {
	return &Files{fs: fs, dir: dir, max: max, open: make(map[uint64]*Reading)}
}

// Acquire opens a segment for reading, if it is not open. A missing file is Corrupt.
func (c *Files) Acquire(number uint64) (*Reading, error) {
	r, err := c.enter(number)
	if err != nil {
		return nil, err
	}
	r.once.Do(func() {
		if r.File, r.err = OpenFile(c.fs, c.dir, number); r.err != nil {
			r.err = foci.Errorf(foci.Corrupt, "open segment %d: %w", number, r.err)
		}
	})
	if r.err != nil {
		c.forget(number, r)
		return nil, r.err
	}
	return r, nil
}

func (c *Files) enter(number uint64) (*Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, foci.Errorf(foci.Closed, "the backend is closed")
	}
	r := c.open[number]
	if r == nil {
		r = &Reading{files: c}
		c.open[number] = r
	}
	c.tick++
	r.used = c.tick
	r.users++
	return r, nil
}

// forget drops a segment that could not be opened, so that the next reader tries
// again.
func (c *Files) forget(number uint64, r *Reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.users--
	if c.open[number] == r {
		delete(c.open, number)
	}
}

// Done ends the caller's use of the segment.
func (r *Reading) Done() {
	c := r.files
	c.mu.Lock()
	r.users--
	var idle *Reading
	if len(c.open) > c.max {
		idle = c.takeIdle()
	}
	c.mu.Unlock()
	if idle != nil {
		_ = idle.Close()
	}
}

// takeIdle returns the file without readers that was used least recently.
func (c *Files) takeIdle() *Reading {
	var number uint64
	var oldest *Reading
	for n, r := range c.open {
		if r.users == 0 && (oldest == nil || r.used < oldest.used) {
			number, oldest = n, r
		}
	}
	if oldest != nil {
		delete(c.open, number)
	}
	return oldest
}

// Close closes all files. There must be no readers.
func (c *Files) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var errs []error
	for _, r := range c.open {
		if r.File != nil {
			errs = append(errs, r.Close())
		}
	}
	clear(c.open)
	return errors.Join(errs...)
}
