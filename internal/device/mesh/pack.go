package mesh

import (
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

const (
	packLeast = 4 << 10 // shorter bodies are never compressed
	packFirst = 4 << 10 // of a long body, in its first frame, which is not compressed

	// After this many bodies that did not shrink in a row only one in packAgain
	// is tried: what travels there is mostly compressed already.
	packDull  = 4
	packAgain = 16
)

// packs reports whether a body of n bytes may be sent compressed.
func (ch *channel) packs(n int64) bool { return ch.pack != 0 && n > packLeast }

// shrink compresses a piece if that pays; what it returns stays valid until the
// i-th piece of the next write.
func (w *writer) shrink(i int, h *frame.Header, head, body []byte) []byte {
	p := &w.pieces[i]
	o, n := p.o, len(head)+len(body)
	first := p.off == 0
	switch {
	case !o.pack || n < packLeast || n > frame.MaxFrame || first && !p.last || !first && len(head) > 0:
		return nil
	case first && w.dull >= packDull:
		w.dull++
		if w.dull%packAgain > 0 {
			return nil
		}
	}
	src := body
	if len(head) > 0 {
		v := frame.NewBuffer(n)
		defer v.Free()
		src = append(append(v.B[:0], head...), body...)
	}
	if w.packed[i] == nil {
		w.packed[i] = frame.NewBuffer(frame.MaxFrame)
	}
	out := frame.Compress(w.ch.pack, w.packed[i].B[:n], src)
	if out == nil {
		o.pack = false
		w.dull++
		return nil
	}
	w.dull = 0
	h.Flags |= uint8(w.ch.pack)
	if h.Type == frame.Data {
		h.Body = uint32(n)
	}
	h.Size, h.Sum = uint32(len(out)), frame.Checksum(0, out)
	return out
}
