package segment

import (
	"errors"
	"slices"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// Chain is the segments of a backend as they lie on the disk, in order.
type Chain struct {
	fs    vfs.FS
	dir   string
	links []link
}

type link struct {
	header Header
	size   uint32 // of the file
	sealed uint32 // where its records end; for the newest: its size
}

// Load lists the segments of a directory and checks that the chain is whole:
// no segment is missing, belongs to another backend, or is shorter than its sealed
// length. Otherwise it fails with Corrupt. It removes unfinished segments.
func Load(fs vfs.FS, dir string, backend foci.BackendID) (*Chain, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	c := &Chain{fs: fs, dir: dir}
	for _, name := range names {
		if strings.HasSuffix(name, tmpSuffix) {
			if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
				return nil, err
			}
			continue
		}
		number := parseName(name)
		if number == 0 {
			continue
		}
		l, err := c.load(number)
		if err != nil {
			return nil, err
		}
		if l.header.Backend != backend {
			return nil, corrupt("segment %d belongs to backend %v, this is %v", number, l.header.Backend, backend)
		}
		c.links = append(c.links, l)
	}
	return c, c.check()
}

func (c *Chain) load(number uint64) (link, error) {
	f, err := OpenFile(c.fs, c.dir, number)
	if err != nil {
		return link{}, err
	}
	info, err := f.f.Stat()
	err = errors.Join(err, f.Close())
	if err != nil {
		return link{}, err
	}
	size := uint32(min(info.Size(), MaxSize*2))
	return link{header: f.header, size: size, sealed: size}, nil
}

func (c *Chain) check() error {
	slices.SortFunc(c.links, func(a, b link) int { return int(int64(a.header.Number - b.header.Number)) })
	for i := range c.links {
		h := &c.links[i].header
		switch {
		case h.Number != uint64(i)+1 || h.Prev != uint64(i):
			return corrupt("segment %d is missing", i+1)
		case h.Synced < HeaderSize || h.Synced > c.links[i].size:
			return corrupt("segment %d is shorter than the %d bytes it began with", h.Number, h.Synced)
		case i == 0:
			continue
		}
		prev := &c.links[i-1]
		if prev.sealed = h.PrevLen; prev.sealed > prev.size || prev.sealed < prev.header.Synced {
			return corrupt("segment %d has %d bytes, it was sealed with %d", h.Prev, prev.size, prev.sealed)
		}
	}
	return nil
}

// Len is the number of segments.
func (c *Chain) Len() int { return len(c.links) }

// Newest is the number of the last segment; 0 when there is none.
func (c *Chain) Newest() uint64 { return uint64(len(c.links)) }

// Tail is the records at the end of the chain that are not known to be synced: at
// most one batch. They may have been acknowledged, so they are kept. They must be
// written again, into a new segment, before they are visible: an fsync of bytes on
// which an earlier fsync failed proves nothing.
type Tail struct {
	Proven uint32 // sealed length of the newest segment
	Whole  []Loc  // whole records after it
}

// Replay calls fn for every record from a position on that is known to have
// been synced, in order; fn may keep nothing of h. It returns the tail.
//
// It fails with Corrupt when a record that had been synced is damaged, or when
// from, up to which everything had been synced, is beyond the end.
func (c *Chain) Replay(from Pos, fn func(h *Head, loc Loc) error) (Tail, error) {
	if from.Segment == 0 {
		from = Pos{Segment: 1, Offset: HeaderSize}
	}
	newest := c.Newest()
	if newest == 0 && from == (Pos{Segment: 1, Offset: HeaderSize}) {
		return Tail{}, nil
	}
	if from.Segment > newest || from.Offset > c.links[from.Segment-1].sealed || from.Offset < HeaderSize {
		return Tail{}, corrupt("the log ends before byte %d of segment %d, which had been synced", from.Offset, from.Segment)
	}
	for number := from.Segment; number < newest; number++ {
		if err := c.replaySealed(number, from.Offset, fn); err != nil {
			return Tail{}, err
		}
		from.Offset = HeaderSize
	}
	return c.replayNewest(newest, from.Offset, fn)
}

func (c *Chain) replaySealed(number uint64, from uint32, fn func(*Head, Loc) error) error {
	w, err := c.walk(number, from)
	if err != nil {
		return err
	}
	defer w.close()
	for w.next() {
		if err := fn(&w.head, w.head.Loc(number)); err != nil {
			return err
		}
	}
	if w.err == nil && w.at != w.end {
		w.err = corrupt("record at %d of segment %d is damaged: the segment was sealed with %d valid bytes", w.at, number, w.end)
	}
	return w.err
}

// replayNewest reads the whole segment before it calls fn: only the last records
// state how far the segment was synced.
func (c *Chain) replayNewest(number uint64, from uint32, fn func(*Head, Loc) error) (Tail, error) {
	w, err := c.walk(number, from)
	if err != nil {
		return Tail{}, err
	}
	defer w.close()
	t := Tail{Proven: max(from, w.file.header.Synced)}
	for w.next() {
		t.Proven = max(t.Proven, w.head.Synced)
	}
	claim, err := w.laterClaim()
	if err != nil {
		return t, err
	}
	if t.Proven = max(t.Proven, claim); w.at < t.Proven {
		return t, corrupt("record at %d of segment %d is damaged, and %d bytes had been synced", w.at, number, t.Proven)
	}
	if t.Whole, err = w.wholeFrom(t.Proven); err != nil {
		return t, err
	}
	w.rewind(from, t.Proven)
	for w.next() {
		if err := fn(&w.head, w.head.Loc(number)); err != nil {
			return t, err
		}
	}
	return t, w.err
}

// ReadTail calls fn with each whole record of the tail, payload included.
func (c *Chain) ReadTail(t Tail, fn func(r *Record) error) error {
	if len(t.Whole) == 0 {
		return nil
	}
	f, err := OpenFile(c.fs, c.dir, c.Newest())
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, loc := range t.Whole {
		h, err := f.Read(loc)
		if err != nil {
			return err
		}
		if err := fn(&h.Record); err != nil {
			return err
		}
	}
	return nil
}

// RemoveUnused removes the files of an interrupted creation of a backend. It fails
// with Corrupt when there are records.
func RemoveUnused(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		switch number := parseName(name); {
		case number != 0:
			info, err := fs.Stat(path)
			if err != nil {
				return err
			}
			if info.Size() > HeaderSize || number != 1 {
				return corrupt("%s holds records", name)
			}
		case !strings.HasSuffix(name, tmpSuffix):
			continue
		}
		if err := fs.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
