package operation

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
)

// Payload is the content of one record while it may be sent. It has a reference count:
// its maker holds a reference until [Payload.Release], the operation that sends it from
// [Runner.Run] until the operation is idle. The last release frees it.
//
// Its bytes are in the record, or are read for each attempt: then the record has no
// payload.
type Payload struct {
	size    int64
	holders atomic.Int32
	reads   atomic.Int32 // attempts that may still read it
	again   bool         // it is read for each attempt

	mu    sync.RWMutex // held for reading while r is read
	r     io.ReaderAt  // guarded by mu; nil: detached, released, or in the record
	freed []func()     // guarded by mu; called by the last release
}

// NewPayload makes the payload of a record that contains its bytes. The caller holds a
// reference. The last release calls free.
func NewPayload(free func()) *Payload {
	p := &Payload{freed: []func(){free}}
	p.holders.Store(1)
	return p
}

// RereadPayload makes a payload of the first size bytes of r, which must not change
// until Detach: a replica refuses content that does not match the record's hash.
func RereadPayload(r io.ReaderAt, size int64, free func()) *Payload {
	p := NewPayload(free)
	p.r, p.size, p.again = r, size, true
	return p
}

func (p *Payload) hold() { p.holders.Add(1) }

// Release drops a reference.
func (p *Payload) Release() {
	if p.holders.Add(-1) > 0 {
		return
	}
	p.mu.Lock()
	freed := p.freed
	p.r, p.freed = nil, nil
	p.mu.Unlock()
	for _, free := range freed {
		free()
	}
}

// Detach ends the reads of r. If an attempt has not read all of it yet, Detach copies
// the payload into memory, where it stays until the last release, if keep makes room.
func (p *Payload) Detach(keep func(bytes int64) (free func(), err error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.r
	p.r = nil
	if r == nil || p.reads.Load() == 0 {
		return
	}
	free, err := keep(p.size)
	if err != nil {
		return // the attempts that still read it fail
	}
	b := make([]byte, p.size)
	if n, _ := r.ReadAt(b, 0); n < len(b) {
		free()
		return
	}
	p.r, p.freed = bytes.NewReader(b), append(p.freed, free)
}

// reread is the number of bytes to read for each attempt; 0: they are in the record.
func (p *Payload) reread() int64 {
	if !p.again {
		return 0
	}
	return p.size
}

// reading is the payload as one attempt reads it: a [mesh.Source].
type reading struct {
	of    *Payload
	whole atomic.Bool // it was read to the end
	wrong atomic.Pointer[error]
	ended atomic.Bool
}

func (p *Payload) read() *reading {
	p.reads.Add(1)
	return &reading{of: p}
}

// Size is the number of bytes.
func (g *reading) Size() int64 { return g.of.size }

// ReadAt reads the payload. It fails after Detach, unless that kept a copy.
func (g *reading) ReadAt(b []byte, off int64) (int, error) {
	p := g.of
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.r == nil {
		return 0, g.fail(foci.Errorf(foci.Closed, "it was released"))
	}
	n, err := p.r.ReadAt(b, off)
	switch {
	case n == len(b):
		err = nil
	case err == nil || err == io.EOF:
		err = g.fail(foci.Errorf(foci.Invalid, "it ended at byte %d of %d: %w", off+int64(n), p.size, io.ErrUnexpectedEOF))
	default:
		err = g.fail(err)
	}
	if err == nil && off+int64(n) == p.size && g.whole.CompareAndSwap(false, true) {
		g.end()
	}
	return n, err
}

func (g *reading) fail(err error) error {
	g.wrong.Store(&err)
	return err
}

// end releases the reading, once.
func (g *reading) end() {
	if g.ended.CompareAndSwap(false, true) {
		g.of.reads.Add(-1)
	}
}

// explain corrects the fate of an attempt whose payload could not be read. It was
// never sent whole, so the replica has not stored it.
func (g *reading) explain(d *txn.Delivery) {
	if d.Err == nil {
		return
	}
	if wrong := g.wrong.Load(); wrong != nil && !g.whole.Load() {
		d.Fate, d.Err = txn.NotSent, foci.Errorf(foci.Invalid, "the content cannot be read again: %w", *wrong)
	}
}
