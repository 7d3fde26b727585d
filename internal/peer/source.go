package peer

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
)

// Source is a payload that is not kept in memory: it is read each time that it
// is sent. It stands in for the payload of an operation's record, see [Op].
type Source struct {
	size int64
	open atomic.Int32 // sendings that have not come to its end

	mu   sync.RWMutex // held for reading while r is read
	r    io.ReaderAt  // nil: released
	free func()       // gives back the room of what Release has kept; may be nil
}

// NewSource makes a source of the first size bytes of r, which must stay the
// same until Release: a replica refuses what does not match the record's hash.
func NewSource(r io.ReaderAt, size int64) *Source { return &Source{r: r, size: size} }

// Release sees to it that r is not read any more. When a replica that is behind
// the others has not been sent all of it yet, the payload is kept in memory for
// that one until Close, if keep makes room for it.
func (s *Source) Release(keep func(bytes int64) (free func(), err error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.r
	s.r = nil
	if r == nil || s.open.Load() == 0 {
		return
	}
	free, err := keep(s.size)
	if err != nil {
		return // the others have it
	}
	b := make([]byte, s.size)
	if n, _ := r.ReadAt(b, 0); n < len(b) {
		free()
		return
	}
	s.r, s.free = bytes.NewReader(b), free
}

// Close forgets what Release has kept.
func (s *Source) Close() {
	s.mu.Lock()
	free := s.free
	s.r, s.free = nil, nil
	s.mu.Unlock()
	if free != nil {
		free()
	}
}

// sending is one reading of a source by the mesh: a [mesh.Source].
type sending struct {
	of    *Source
	whole atomic.Bool // it was read to its end
	wrong atomic.Pointer[error]
	ended atomic.Bool
}

func (s *Source) begin() *sending {
	s.open.Add(1)
	return &sending{of: s}
}

// Size is how many bytes will come.
func (g *sending) Size() int64 { return g.of.size }

// ReadAt reads the source, unless that was released.
func (g *sending) ReadAt(p []byte, off int64) (int, error) {
	s := g.of
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.r == nil {
		return 0, g.fail(foci.Errorf(foci.Closed, "it was released"))
	}
	n, err := s.r.ReadAt(p, off)
	switch {
	case n == len(p):
		err = nil
	case err == nil || err == io.EOF:
		err = g.fail(foci.Errorf(foci.Invalid, "it ended at byte %d of %d: %w", off+int64(n), s.size, io.ErrUnexpectedEOF))
	default:
		err = g.fail(err)
	}
	if err == nil && off+int64(n) == s.size && g.whole.CompareAndSwap(false, true) {
		g.over()
	}
	return n, err
}

func (g *sending) fail(err error) error {
	g.wrong.Store(&err)
	return err
}

// over counts the sending out, once.
func (g *sending) over() {
	if g.ended.CompareAndSwap(false, true) {
		g.of.open.Add(-1)
	}
}

// explain corrects what became of an attempt: when the source could not be read
// and never was sent whole, no replica has stored it.
func (g *sending) explain(d *txn.Delivery) {
	if g == nil || d.Err == nil {
		return
	}
	if wrong := g.wrong.Load(); wrong != nil && !g.whole.Load() {
		d.Fate, d.Err = txn.NotSent, foci.Errorf(foci.Invalid, "the content cannot be read again: %w", *wrong)
	}
}
