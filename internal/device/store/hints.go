package store

import (
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/index"
)

// Hint says that a group may lack transactions of an object that this backend has
// (hinted handoff). It does not say which: delivering a hint compares the two and
// copies what is missing.
type Hint struct {
	Group foci.Group
	ID    foci.ID
}

// LastHint is after all hints for a group.
func LastHint(g foci.Group) Hint {
	k := Hint{Group: g}
	for i := range k.ID {
		k.ID[i] = 0xff
	}
	return k
}

// hints are those of one backend. Their rows are in the index; this is the state of
// hints that are changing, so that a hint given again while it is delivered is not
// lost, and one given again at another time costs no write.
type hints struct {
	mu      sync.Mutex  // guards the fields below
	pool    *share.Pool // counts rows, and those on their way to the index, by giver
	refused uint64      // for want of room
	moving  map[Hint]*movingHint
}

// movingHint is a hint that is being kept, looked up, delivered or dropped. At most
// one of these happens to a hint at a time.
type movingHint struct {
	followed bool          // being delivered; else being kept or dropped
	again    bool          // given again while it is delivered
	waiting  []func(error) // callers that wait for it to be durable
	by       share.Who     // the first of these
	row      share.Who     // the giver of the row in the index
}

func (h *hints) init(most int) {
	h.pool, h.moving = share.New(int64(most)), map[Hint]*movingHint{}
}

func (h *hints) stats() (n int, refused uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int(h.pool.Used()), h.refused
}

// Hint keeps a hint that a peer gives, and calls done once: with nil when it is
// durable. Hints for one object and group are one, however often they are given:
// the first peer's.
//
// Kinds of errors: NotFound (this backend has nothing of the object), TooLarge
// (too many hints are kept, of all or of this peer's), Busy, ReadOnly, NotReady,
// Corrupt, Closed.
func (b *Backend) Hint(k Hint, by share.Who, done func(error)) {
	if err := b.hint(k, by, done); err != nil {
		done(err)
	}
}

func (b *Backend) hint(k Hint, by share.Who, done func(error)) error {
	if err := b.refusal(); err != nil {
		return err
	}
	if err := b.enterUse(); err != nil {
		return err
	}
	defer b.leaveUse()
	if _, found, err := b.index.Object(&k.ID); err != nil || !found {
		if err == nil {
			err = foci.Errorf(foci.NotFound, "backend %s has nothing of object %s", b.id.Short(), k.ID.Short())
		}
		return err
	}
	if wait := b.hints.give(k, by, done); !wait {
		return nil
	}
	row, err := b.index.Hint(k.Group, &k.ID)
	if err != nil || row != nil {
		b.hints.kept(k, err)
		return nil
	}
	b.keep(k, by)
	return nil
}

// give registers a caller of Hint. It reports whether this caller must keep the
// hint; otherwise done was called, or will be.
func (h *hints) give(k Hint, by share.Who, done func(error)) bool {
	h.mu.Lock()
	m := h.moving[k]
	if m == nil {
		h.moving[k] = &movingHint{waiting: []func(error){done}, by: by}
		h.mu.Unlock()
		return true
	}
	if m.followed {
		m.again = true // its row stays
		h.mu.Unlock()
		done(nil)
		return false
	}
	if len(m.waiting) == 0 {
		m.by = by
	}
	m.waiting = append(m.waiting, done)
	h.mu.Unlock()
	return false
}

// keep writes a hint.
func (b *Backend) keep(k Hint, by share.Who) {
	h := &b.hints
	if why, ok := h.count(by); !ok {
		h.kept(k, &foci.Error{
			Kind: foci.TooLarge, Where: "backend " + b.id.Short(), Msg: "its hints are at the limit: " + why,
			Fix: "start the group that is unreachable; a comparison of groups finds what hints miss",
		})
		return
	}
	rec := hintRecord(segment.Hint, k)
	rec.Meta = giverTag(by)
	err := b.queue.put(item{rec: rec, done: func(_ bool, err error) {
		if err != nil {
			h.uncount(by)
		}
		h.kept(k, err)
	}})
	if err != nil {
		h.uncount(by)
		h.kept(k, err)
	}
}

// kept calls back the callers that wait for a hint.
func (h *hints) kept(k Hint, err error) {
	h.mu.Lock()
	m := h.moving[k]
	delete(h.moving, k)
	h.mu.Unlock()
	for _, done := range m.waiting {
		done(err)
	}
}

// Follow begins to deliver a hint. The caller ends that by end: with true if the
// group has been brought all that it lacked, which drops the hint. Follow returns
// nil if the hint is being delivered, kept or dropped already, or is not kept any
// more: it may have been dropped since it was listed.
func (b *Backend) Follow(k Hint) (end func(brought bool)) {
	if b.enterUse() != nil {
		return nil
	}
	defer b.leaveUse()
	h := &b.hints
	m := new(movingHint) // while its row is looked up, callers of Hint wait
	h.mu.Lock()
	if h.moving[k] != nil {
		h.mu.Unlock()
		return nil
	}
	h.moving[k] = m
	h.mu.Unlock()
	row, err := b.index.Hint(k.Group, &k.ID)
	if err != nil || row == nil {
		b.droppedHint(k, m, err)
		return nil
	}
	h.mu.Lock()
	m.row = giverOf(row)
	given := m.waiting
	m.followed, m.again, m.waiting = true, len(given) > 0, nil
	h.mu.Unlock()
	for _, done := range given {
		done(nil) // its row stays
	}
	return func(brought bool) { b.followed(k, m, brought) }
}

// followed ends a delivery. It drops the hint if all was brought and the hint was not
// given again meanwhile.
func (b *Backend) followed(k Hint, m *movingHint, brought bool) {
	h := &b.hints
	h.mu.Lock()
	m.followed = false
	if !brought || m.again {
		delete(h.moving, k)
		h.mu.Unlock()
		return
	}
	h.mu.Unlock()
	dropped := func(_ bool, err error) {
		if err == nil {
			h.uncount(m.row)
		}
		b.droppedHint(k, m, err)
	}
	if err := b.queue.put(item{rec: hintRecord(segment.Unhint, k), done: dropped}); err != nil {
		dropped(false, err)
	}
}

// droppedHint keeps the hint anew if it was given while it was being dropped.
func (b *Backend) droppedHint(k Hint, m *movingHint, err error) {
	h := &b.hints
	h.mu.Lock()
	wanted, by := len(m.waiting) > 0, m.by
	if !wanted {
		delete(h.moving, k)
	}
	h.mu.Unlock()
	switch {
	case !wanted:
	case err != nil: // the row may be there or not: it must not be relied on
		h.kept(k, err)
	default:
		b.keep(k, by)
	}
}

// Hints lists at most limit hints after one, by group and id; the zero Hint is
// before all.
//
// Kinds of errors: NotReady, Corrupt, Closed.
func (b *Backend) Hints(after Hint, limit int) (list []Hint, err error) {
	if err := b.enterUse(); err != nil {
		return nil, err
	}
	defer b.leaveUse()
	err = b.index.Hints(after.Group, &after.ID, func(g foci.Group, id foci.ID, _ []byte) bool {
		list = append(list, Hint{g, id})
		return len(list) < limit
	})
	return list, err
}

// countHints counts the rows, by who gave them, at start, whatever the limits.
func countHints(x *index.Index, most int) (*share.Pool, error) {
	pool := share.New(int64(most))
	err := x.Hints(0, new(foci.ID), func(_ foci.Group, _ foci.ID, row []byte) bool {
		restore(pool, giverOf(row))
		return true
	})
	return pool, err
}

// hintRow writes or removes the row that a record speaks of.
func hintRow(rows *index.Rows, r *segment.Record) error {
	g := foci.Group(r.Entry.Size)
	if r.Kind == segment.Unhint {
		return rows.DeleteHint(g, &r.ID)
	}
	row := r.Meta
	if len(row) == 0 {
		row = []byte{byMember} // as in records of protocol 1
	}
	return rows.SetHint(g, &r.ID, row)
}

func hintRecord(kind segment.Kind, k Hint) segment.Record {
	r := segment.Record{Kind: kind}
	r.ID = k.ID
	r.Entry.Size = uint64(k.Group)
	return r
}
