package segment

// copyLimit is the longest payload that is copied behind its head and written with
// it; longer payloads are written from the caller's memory.
const copyLimit = Block

// Batch is a run of records being encoded for one write and one fsync. Used
// again after Reset it allocates only to grow.
type Batch struct {
	header  Header
	synced  uint32
	start   uint32
	pos     uint32 // where the next record goes
	buf     []byte
	foreign []foreign
}

// foreign is a payload that is written after the first `after` bytes of buf.
type foreign struct {
	after   int
	payload []byte
}

// keepBuffer is the most encoding space that a batch keeps for its next use.
const keepBuffer = 4 << 20

// Reset begins a batch at the end of what w has written.
func (b *Batch) Reset(w *Writer) { b.reset(w.header, w.pos, w.synced) }

// ResetFirst begins the batch that a new segment is created with.
func (b *Batch) ResetFirst(h Header) { b.reset(h, HeaderSize, HeaderSize) }

func (b *Batch) reset(h Header, pos, synced uint32) {
	clear(b.foreign)
	b.foreign = b.foreign[:0]
	b.buf = b.buf[:0]
	if cap(b.buf) > keepBuffer {
		b.buf = nil
	}
	b.header, b.start, b.pos, b.synced = h, pos, pos, synced
}

// Append encodes a record and says where it will be. A payload of more than
// 64 KiB must stay as it is until the batch is written.
func (b *Batch) Append(r *Record) Loc {
	before := len(b.buf)
	b.buf = appendHead(b.buf, r, b.header.Salt, b.pos, b.synced)
	n := uint32(len(r.Payload))
	loc := Loc{Segment: b.header.Number, Offset: b.pos, Head: uint32(len(b.buf) - before), Length: n}
	if n > copyLimit {
		b.foreign = append(b.foreign, foreign{after: len(b.buf), payload: r.Payload})
		b.buf = appendZeros(b.buf, pad8(n)-n)
	} else {
		b.buf = append(b.buf, r.Payload...)
		b.buf = appendZeros(b.buf, pad8(n)-n)
	}
	b.pos = loc.end()
	return loc
}

func appendZeros(b []byte, n uint32) []byte {
	var zeros [8]byte
	return append(b, zeros[:n]...)
}

// End is the position after the last record.
func (b *Batch) End() Pos { return Pos{Segment: b.header.Number, Offset: b.pos} }

// Empty reports whether nothing has been appended.
func (b *Batch) Empty() bool { return b.pos == b.start }

// write hands the batch to put in the order of the file, in as few pieces as
// there are payloads that were not copied.
func (b *Batch) write(put func([]byte) error) error {
	from := 0
	for _, f := range b.foreign {
		if err := put(b.buf[from:f.after]); err != nil {
			return err
		}
		if err := put(f.payload); err != nil {
			return err
		}
		from = f.after
	}
	clear(b.foreign) // drops the references to the callers' payloads
	if from == len(b.buf) {
		return nil
	}
	return put(b.buf[from:])
}
