package stream

import (
	"math/rand/v2"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// TestTable compares the dialling and the listening side's tables with a map.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ours, theirs := table{limit: 50}, table{limit: 50}
	living := map[uint32]bool{}
	seen := map[uint32]bool{}
	for range 20000 {
		if rng.IntN(2) == 0 {
			s := ours.open()
			if (s == nil) != (len(living) == 50) {
				t.Fatalf("open with %d living: %v", len(living), s)
			}
			if s == nil {
				continue
			}
			if s.id == 0 || living[s.id] || seen[s.id] {
				t.Fatalf("id %#x again", s.id)
			}
			living[s.id], seen[s.id] = true, true
			if _, err := theirs.accept(s.id); err != nil {
				t.Fatal(err)
			}
			if _, err := theirs.accept(s.id + 1<<slotBits); err == nil {
				t.Fatal("a slot was taken twice")
			}
			continue
		}
		for id := range living {
			ours.release(id)
			theirs.release(id)
			ours.release(id) // once more does nothing
			delete(living, id)
			if ours.get(id) != nil || theirs.get(id) != nil {
				t.Fatal("it lives on")
			}
			break
		}
		if ours.used != len(living) || theirs.used != len(living) {
			t.Fatalf("%d and %d used, %d living", ours.used, theirs.used, len(living))
		}
	}
	if _, err := theirs.accept(50); foci.KindOf(err) != foci.Protocol {
		t.Errorf("slot beyond the limit: %v", err)
	}
	if len(theirs.slots) > 50 {
		t.Errorf("%d slots", len(theirs.slots))
	}
}

func TestGenerationWraps(t *testing.T) {
	tab := table{limit: 1}
	for range 1<<16 + 10 {
		s := tab.open()
		if s.id == 0 {
			t.Fatal("id 0")
		}
		tab.release(s.id)
	}
}

// TestSendQueue: pieces of long messages take turns, never go over the credit
// of their stream or of the channel, and whole messages go first.
func TestSendQueue(t *testing.T) {
	q := sendQueue{credit: 400 << 10}
	long := func(id uint32) *outgoing {
		return &outgoing{header: frame.Header{Stream: id}, head: make([]byte, 10), body: make([]byte, 1<<20), size: 1<<20 + 10, credit: 128 << 10}
	}
	a, b := long(1), long(2)
	short := &outgoing{header: frame.Header{Stream: 3}, body: make([]byte, 20<<10), size: 20 << 10}
	q.add(a)
	q.add(b)
	q.add(short)
	var order []uint32
	sent := map[uint32]int64{}
	take := func() {
		for {
			p, ok := q.next()
			if !ok {
				return
			}
			if p.off != sent[p.o.header.Stream] || p.n > frame.MaxFrame {
				t.Fatalf("piece of %d at %d", p.n, p.off)
			}
			order = append(order, p.o.header.Stream)
			sent[p.o.header.Stream] += int64(p.n)
			head, body, err := p.parts(nil)
			if err != nil || len(head)+len(body) != p.n {
				t.Fatalf("%d and %d bytes of %d, %v", len(head), len(body), p.n, err)
			}
		}
	}
	take()
	if want := []uint32{3, 1, 2, 1, 2}; len(order) != 5 || [5]uint32(order) != [5]uint32(want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if q.ready() || sent[1] != 128<<10 || sent[2] != 128<<10 {
		t.Errorf("sent %v", sent)
	}
	q.grant(a, 1<<20)
	take()
	if sent[1] != 272<<10 { // what the channel has left
		t.Errorf("sent %v with a channel's credit of 400 KiB", sent)
	}
	q.credit += 2 << 20
	q.grant(b, 2<<20)
	take()
	if sent[1] != a.size || sent[2] != b.size || q.ready() {
		t.Errorf("sent %v", sent)
	}
	q.grant(a, 100) // a peer that grants for what is over changes nothing
	if q.ready() {
		t.Error("a message that was sent is ready again")
	}
	c := long(4)
	q.add(c)
	c.dead = true
	if _, ok := q.next(); ok {
		t.Error("a dead message was sent")
	}
}

func TestBudget(t *testing.T) {
	b := Budget{maxCount: 3, maxBytes: 100}
	for _, c := range []struct {
		n  int64
		ok bool
	}{{60, true}, {50, false}, {40, true}, {1, false}, {0, true}, {0, false}} {
		if got := b.take(c.n); got != c.ok {
			t.Errorf("%d bytes: %v", c.n, got)
		}
	}
	b.give(60)
	b.give(40)
	b.give(0)
	if !b.take(1000) { // alone it always fits
		t.Error("a message alone does not fit")
	}
	if b.take(1) {
		t.Error("and another one does")
	}
	b.give(1000)
	if b.count.Load() != 0 || b.bytes.Load() != 0 {
		t.Error("something is left")
	}
}

// TestTableForgetsSlots: the side that accepts streams does not choose slots,
// so it keeps no list of those that became free.
func TestTableForgetsSlots(t *testing.T) {
	accepts := table{limit: 8}
	for i := range 10000 {
		id := uint32(i%0xffff+1)<<slotBits | uint32(i%8)
		if _, err := accepts.accept(id); err != nil {
			t.Fatal(err)
		}
		accepts.release(id)
	}
	if n := len(accepts.free); n > 8 {
		t.Errorf("%d entries for 8 slots", n)
	}
}
