package store

import (
	"io"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/segment"
)

// Content is the payload of an answer to a fetch. ReadAt reads it from the segments a
// block at a time and verifies each block before it returns a byte of it. So little of
// it is in memory, and damage ends the reading with Corrupt.
//
// It holds no file open between two reads; when the backend is closed meanwhile, ReadAt
// fails with Closed. One goroutine at a time may use it; it is read in order.
type Content struct {
	b     *Backend
	id    foci.ID
	parts []payloadPart
	size  int64

	at    int64         // of the next byte that is read
	part  int           // the part that it is in
	done  uint32        // bytes of that part before it
	head  *segment.Head // of that part, once it has been read
	block []byte        // verified bytes that come next
	spare []byte        // memory of block
}

// payloadPart is a range of one record's payload.
type payloadPart struct {
	loc    segment.Loc
	off, n uint32
}

// Size is how many bytes there are.
func (c *Content) Size() int64 { return c.size }

// Held is about how much memory it takes besides one block.
func (c *Content) Held() int64 { return int64(len(c.parts))*40 + segment.MaxHead }

// add appends a range; h is the record's head if it has been read.
func (c *Content) add(loc segment.Loc, h *segment.Head, off, n uint32) {
	if n == 0 {
		return
	}
	if len(c.parts) == 0 {
		c.head = h
	}
	c.parts = append(c.parts, payloadPart{loc, off, n})
	c.size += int64(n)
}

// ReadAt reads the bytes after those read last; off must be their position.
//
// Kinds of errors: Corrupt, Closed, NotReady, Invalid.
func (c *Content) ReadAt(p []byte, off int64) (int, error) {
	if off != c.at {
		return 0, foci.Errorf(foci.Invalid, "content is read in order: byte %d is next, not %d", c.at, off)
	}
	n := 0
	for n < len(p) {
		if len(c.block) == 0 {
			if err := c.next(); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], c.block)
		n, c.block = n+k, c.block[k:]
		c.at += int64(k)
	}
	return n, nil
}

// Close gives up the rest.
func (c *Content) Close() error {
	c.parts, c.head, c.block, c.spare = nil, nil, nil, nil
	return nil
}

// all appends the rest to dst.
func (c *Content) all(dst []byte) ([]byte, error) {
	at := len(dst)
	if n := at + int(c.size-c.at); n > cap(dst) {
		dst = append(make([]byte, 0, n), dst...)
	}
	dst = dst[:at+int(c.size-c.at)]
	_, err := c.ReadAt(dst[at:], c.at)
	return dst, err
}

// next reads and verifies the next block; io.EOF after the last one.
func (c *Content) next() error {
	if c.part >= len(c.parts) {
		return io.EOF
	}
	if err := c.b.enterUse(); err != nil {
		return err
	}
	defer c.b.leaveUse()
	return c.load()
}

// load reads and verifies the next block, which must exist; the backend is in use.
func (c *Content) load() error {
	part := &c.parts[c.part]
	r, err := c.b.files.Acquire(part.loc.Segment)
	if err != nil {
		return err
	}
	defer r.Done()
	if c.head == nil {
		if c.head, err = r.ReadHead(part.loc); err == nil {
			err = sameObject(c.head, &c.id)
		}
		if err != nil {
			return err
		}
	}
	from := part.off + c.done
	n := min(part.n-c.done, segment.Block-from%segment.Block)
	if c.block, err = r.AppendRange(c.spare[:0], c.head, from, n); err != nil {
		c.block = nil
		return err
	}
	c.spare = c.block
	if c.done += n; c.done == part.n {
		c.part, c.done, c.head = c.part+1, 0, nil
	}
	return nil
}

// Open is [Backend.Fetch] without the payload, which is read from the returned
// content. Its first block has been read and verified.
//
// Kinds of errors: NotReady, Corrupt (stored bytes are damaged), Closed.
func (b *Backend) Open(f *wire.Fetch) (rep wire.FetchReply, c *Content, err error) {
	c = &Content{b: b, id: f.ID}
	if err := b.enterUse(); err != nil {
		return rep, c, err
	}
	defer b.leaveUse()
	places, more, err := b.entries(f)
	if err != nil || len(places) == 0 {
		return rep, c, err
	}
	rep.More = more
	rep.Entries = make([]wire.FetchedEntry, len(places))
	for i := range places {
		rep.Entries[i].Entry = places[i].Entry
	}
	a := answering{b: b, f: f, rep: &rep, content: c}
	goOn := true
	for i := 0; i < len(places) && goOn && err == nil; i++ {
		goOn, err = a.add(i, &places[i])
	}
	if err == nil && c.size > 0 {
		err = c.load()
	}
	if err != nil {
		return wire.FetchReply{}, c, err
	}
	return rep, c, nil
}
