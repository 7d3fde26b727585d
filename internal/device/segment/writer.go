package segment

import (
	"errors"
	"io"
	"os"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Writer appends to the newest segment. After an error of Write or Sync it
// must not be written to again: what is on disk beyond Synced is unknown.
type Writer struct {
	header Header
	file   vfs.File
	pos    uint32 // written
	synced uint32 // fsynced
}

// SyncError marks a failed fsync: what reached the disk is unknown, and another fsync
// would only hide the failure.
type SyncError struct{ Err error }

func (e *SyncError) Error() string { return "fsync failed: " + e.Err.Error() }
func (e *SyncError) Unwrap() error { return e.Err }

// Create makes the segment that h describes, with first as its first records.
// The segment gets its name only when they are durable, so that a named segment
// always has a whole header. Create fails when the segment exists.
func Create(fs vfs.FS, dir string, h Header, first *Batch) (*Writer, error) {
	h.Synced = first.pos
	tmp := fs.PathJoin(dir, fileName(h.Number)+".tmp")
	f, err := vfs.Create(fs, tmp)
	if err != nil {
		return nil, foci.Errorf(foci.ReadOnly, "create segment: %w", err)
	}
	w := &Writer{header: h, file: f}
	if err := w.begin(first); err != nil {
		_ = f.Close()
		_ = fs.Remove(tmp)
		return nil, err
	}
	if err := name(fs, tmp, fs.PathJoin(dir, fileName(h.Number))); err != nil {
		_ = f.Close()
		return nil, foci.Errorf(foci.ReadOnly, "name segment: %w", err)
	}
	if err := vfs.SyncDir(fs, dir); err != nil {
		_ = f.Close()
		return nil, &SyncError{err}
	}
	return w, nil
}

// name gives a new segment its name. It never replaces a segment, which holds
// acknowledged records.
func name(fs vfs.FS, tmp, name string) error {
	if _, err := fs.Stat(name); err == nil && !mutant.On(mutant.SegmentReplaced) {
		_ = fs.Remove(tmp)
		return &os.PathError{Op: "rename", Path: name, Err: os.ErrExist}
	}
	return fs.Rename(tmp, name)
}

func (w *Writer) begin(first *Batch) error {
	if err := w.put(w.header.append(nil)); err != nil {
		return err
	}
	if err := w.Write(first); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return &SyncError{err}
	}
	w.synced = w.pos
	return nil
}

// Write appends the batch, which is not durable before Sync.
func (w *Writer) Write(b *Batch) error {
	if b.start != w.pos || b.header.Number != w.header.Number {
		return foci.Errorf(foci.Internal, "batch for %d of segment %d, the end is %d of %d", b.start, b.header.Number, w.pos, w.header.Number)
	}
	return b.write(w.put)
}

func (w *Writer) put(p []byte) error {
	n, err := w.file.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return foci.Errorf(foci.ReadOnly, "write segment %d: %w", w.header.Number, err)
	}
	w.pos += uint32(len(p))
	return nil
}

// Sync makes everything written durable.
func (w *Writer) Sync() error {
	if err := w.file.SyncData(); err != nil {
		return &SyncError{err}
	}
	w.synced = w.pos
	return nil
}

// Number is the segment's.
func (w *Writer) Number() uint64 { return w.header.Number }

// Len is the number of bytes written.
func (w *Writer) Len() int64 { return int64(w.pos) }

// Synced is the sealed length, should nothing more be written.
func (w *Writer) Synced() uint32 { return w.synced }

// Close closes the file; it does not sync.
func (w *Writer) Close() error { return w.file.Close() }

// IsSyncError reports whether err is, or comes from, a failed fsync.
func IsSyncError(err error) bool {
	var s *SyncError
	return errors.As(err, &s)
}
