package store

import (
	"bytes"
	"errors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/index"
)

// maxFetchedMeta bounds the metadata in one answer, which is not counted by
// the request.
const maxFetchedMeta = 1 * mib

var errMisplaced = errors.New("it points at a record of another object")

// Fetch reads an object's log and content as [wire.Fetch] says. It appends the content
// to dst[:0]. An object without transactions in the range has no entries; that is no
// error. The caller sets rep.Epoch.
//
// Kinds of errors: NotReady, Corrupt (stored bytes are damaged), Closed.
func (b *Backend) Fetch(f *wire.Fetch, dst []byte) (rep wire.FetchReply, body []byte, err error) {
	rep, c, err := b.Open(f)
	if err != nil {
		return wire.FetchReply{}, dst[:0], err
	}
	body, err = c.all(dst[:0])
	if err != nil {
		return wire.FetchReply{}, dst[:0], err
	}
	return rep, body, nil
}

// entries is the part of the object's log that was asked for, and whether the
// log goes on after it.
func (b *Backend) entries(f *wire.Fetch) (places []index.Placed, more bool, err error) {
	s, ok, err := b.index.Object(&f.ID)
	if err != nil || !ok || s.Vote.Newest.Less(f.From) {
		return nil, false, err
	}
	bounded := !f.To.IsZero()
	goesOn := func(from foci.Version) bool { return from.Less(s.Vote.Newest) && !(bounded && from == f.To) }
	limit := int(f.Limit)
	if limit == 0 || limit > wire.MaxFetchEntries {
		limit = wire.MaxFetchEntries
	}
	if s.Total == 1 || s.Sole && s.Entry.Version == f.From && (f.From == s.Vote.Newest || f.From == f.To) {
		e := &s.Entry
		if e.Version.Less(f.From) || bounded && f.To.Less(e.Version) {
			return nil, false, nil
		}
		return []index.Placed{s.Placed}, goesOn(e.Version), nil
	}
	err = b.index.Versions(&f.ID, f.From, func(p index.Placed) bool {
		if bounded && f.To.Less(p.Entry.Version) {
			return false
		}
		if more = len(places) == limit; more {
			return false
		}
		places = append(places, p)
		return true
	})
	return places, more, err
}

// answering fills an answer to Fetch.
type answering struct {
	b       *Backend
	f       *wire.Fetch
	rep     *wire.FetchReply
	content *Content
	meta    int // bytes of metadata so far
}

// add adds the payload of the i-th entry, if it fits; goOn says whether the
// next may follow it. The first entry is read even when no payload is wanted,
// for the object's name.
func (c *answering) add(i int, p *index.Placed) (goOn bool, err error) {
	off, left := uint32(0), c.f.MaxBytes-uint32(c.content.size)
	if i == 0 {
		off = min(c.f.Offset, p.Entry.Length)
	}
	n := p.Entry.Length - off
	if n > left {
		if i > 0 {
			return false, nil
		}
		n = left
	}
	r, err := c.b.files.Acquire(p.Loc.Segment)
	if err != nil {
		return false, err
	}
	defer r.Done()
	h, err := r.ReadHead(p.Loc)
	if err == nil {
		err = sameObject(h, &c.f.ID)
	}
	if err != nil {
		return false, err
	}
	if i == 0 {
		c.rep.Name = h.Name
	}
	whole := n == p.Entry.Length && c.f.MaxBytes > 0
	if c.meta += len(h.Meta); whole && c.meta > maxFetchedMeta {
		return false, nil
	}
	c.content.add(p.Loc, h, off, n)
	c.rep.Entries[i].Bytes = n
	if whole || i == 0 {
		c.rep.Entries[i].Meta = bytes.Clone(h.Meta)
	}
	return off+n == p.Entry.Length && c.f.MaxBytes > 0, nil
}
