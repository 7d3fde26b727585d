package stream

import "github.com/foci-store/foci"

// stream is one request and its reply on one channel, on either side.
type stream struct {
	id uint32 // 0: the slot is free

	req *Request  // dialling side; nil once the reply is not wanted
	in  *Incoming // listening side

	out    *outgoing // message being sent, while it waits for more than a copy
	body   *Body     // long message being received; nil when it is thrown away
	left   int64     // bytes of that message still to arrive
	credit int64     // that the sender of that message has, as granted so far
	begun  bool      // dialling side: the reply has begun
	pace   progress  // listening side: of the request, while it arrives
}

// table holds the streams of a channel in an array: a stream's id is its slot
// and, above that, a generation, so that an answer to an earlier user of the
// slot is told apart. The dialling side opens streams, the listening side
// accepts them. A slot is not used again before its reply has come to an end,
// not even when the request was cancelled.
type table struct {
	slots   []stream
	free    []uint16 // dialling side: last in, first out, so that few slots stay warm
	gen     uint16   // of the stream that was opened last
	used    int
	limit   int  // slots
	accepts bool // it is the listening side's, which chooses no slots
}

const slotBits = 16

func slotOf(id uint32) int { return int(id & (1<<slotBits - 1)) }

// open takes a free slot; nil when all are used.
func (t *table) open() *stream {
	if t.used >= t.limit {
		return nil
	}
	var slot int
	if n := len(t.free); n > 0 {
		slot = int(t.free[n-1])
		t.free = t.free[:n-1]
	} else {
		slot = len(t.slots)
		t.grow(slot)
	}
	if t.gen++; t.gen == 0 { // so that no id is 0
		t.gen = 1
	}
	t.used++
	s := &t.slots[slot]
	*s = stream{id: uint32(t.gen)<<slotBits | uint32(slot)}
	return s
}

// accept takes the slot that the peer chose.
func (t *table) accept(id uint32) (*stream, error) {
	slot := slotOf(id)
	if slot >= t.limit {
		return nil, foci.Errorf(foci.Protocol, "stream %#x is beyond the %d that were agreed", id, t.limit)
	}
	t.grow(slot)
	s := &t.slots[slot]
	if s.id != 0 {
		return nil, foci.Errorf(foci.Protocol, "stream %#x begins before stream %#x has ended", id, s.id)
	}
	t.used++
	t.accepts = true
	*s = stream{id: id}
	return s, nil
}

// grow makes room for a slot. Pointers into the table do not survive it, so
// none is kept beyond the lock under which it was got.
func (t *table) grow(slot int) {
	for len(t.slots) <= slot {
		t.slots = append(t.slots, stream{})
	}
}

// get is the living stream of that id, or nil.
func (t *table) get(id uint32) *stream {
	slot := slotOf(id)
	if id == 0 || slot >= len(t.slots) || t.slots[slot].id != id {
		return nil
	}
	return &t.slots[slot]
}

// release ends a stream.
func (t *table) release(id uint32) {
	s := t.get(id)
	if s == nil {
		return
	}
	*s = stream{}
	if t.used--; !t.accepts {
		t.free = append(t.free, uint16(slotOf(id)))
	}
}

// trim gives back what many streams at a time have left behind; none is open.
func (t *table) trim() {
	if t.used == 0 && cap(t.slots) > keepSlots {
		t.slots, t.free = nil, nil
	}
}

// keepSlots is how many slots an idle channel keeps.
const keepSlots = 4

// each calls f for every living stream.
func (t *table) each(f func(*stream)) {
	for i := range t.slots {
		if t.slots[i].id != 0 {
			f(&t.slots[i])
		}
	}
}
