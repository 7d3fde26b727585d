package client

import (
	"context"
	"errors"
	"io"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
)

// OpenOptions choose what to open; the zero value is the newest content.
type OpenOptions struct {
	Version foci.Version // content as of this version; zero: the newest
}

// Object is the content of one version of an object, whatever is written meanwhile.
// When the version has been destroyed, reading fails with Gone. An Object is safe for
// concurrent use; each reader of it holds at most three pieces of 4 MiB in memory. It
// must be closed.
type Object struct {
	s     *Session
	info  Info
	found quorum.Found
	log   outline
	ctx   context.Context
	end   context.CancelCauseFunc
}

var (
	_ io.ReaderAt = (*Object)(nil)
	_ io.WriterTo = (*Object)(nil)
)

// Open resolves an object for reading at any offset: promise P1. It fails as Get
// does. The end of ctx also ends reading.
func (s *Session) Open(ctx context.Context, n foci.Name, o OpenOptions) (*Object, error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	obj := &Object{s: s}
	obj.ctx, obj.end = context.WithCancelCause(ctx)
	err := s.pin(ctx, n, o.Version, nil, func(found quorum.Found) (torn bool, err error) {
		obj.info, obj.found = infoOf(n, &found), found
		if found.Inline {
			return false, nil
		}
		return obj.outline()
	})
	if err != nil {
		obj.end(nil)
		return nil, about("open", n, err)
	}
	return obj, nil
}

// outline reads the log from its base to the newest entry, without content. All later
// reads are compared with it.
func (o *Object) outline() (torn bool, err error) {
	c := newContent(o.s, o.info.Name, o.found, 0, 0)
	o.log = outline{}
	next, most, more := o.found.Vote.Base, uint32(firstPage), true
	for offset := int64(0); more; most = 0 {
		m, body, err := c.fetch(o.ctx, next, o.found.Vote.Newest, wire.MaxFetchEntries, 0, most)
		if err != nil {
			return false, err
		}
		if first := &m.Entries[0]; len(o.log.spans) == 0 {
			if v := o.found.Vote.Base; !v.IsZero() && first.Version != v {
				return false, destroyed(v)
			}
			if first.Manifest && first.Bytes < first.Length && most < first.Length {
				most = first.Length // all of its head
				m, body, err = c.fetch(o.ctx, next, o.found.Vote.Newest, wire.MaxFetchEntries, 0, most)
				if err != nil {
					return false, err
				}
			}
			o.info.Meta = m.Entries[0].Meta
		}
		s := spanOf(&c, m.Entries, offset)
		offset += int64(s.vote.Size)
		c.seen.Count += s.vote.Count
		c.seen.Sum = c.seen.Sum.Add(s.vote.Sum)
		o.log.spans = append(o.log.spans, s)
		o.log.keep(len(o.log.spans)-1, m.Entries, body)
		next, more = s.to.Next(), m.More
	}
	return !c.whole(), nil
}

// firstPage is how many bytes of payload the outline includes: most heads fit.
const firstPage = 64 << 10

// Info describes the opened version.
func (o *Object) Info() Info { return o.info }

// ReadAt implements [io.ReaderAt].
func (o *Object) ReadAt(p []byte, off int64) (int, error) {
	if err := o.closed(); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, foci.Errorf(foci.Invalid, "offset %d: want 0 or more", off)
	}
	if off >= o.info.Size || len(p) == 0 {
		if len(p) > 0 {
			return 0, io.EOF
		}
		return 0, nil
	}
	r := o.reader(off, int64(len(p)))
	defer r.end()
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Range reads length bytes from off, or fewer if the object ends before; a negative
// length means all to the end. If off is outside of the object, the first Read fails.
// The reader is not safe for concurrent use and must be closed.
func (o *Object) Range(off, length int64) io.ReadCloser {
	if o.closed() == nil && (off < 0 || off > o.info.Size) {
		r := o.reader(0, 0)
		r.err = foci.Errorf(foci.Invalid, "offset %d is not in the object's %d bytes", off, o.info.Size)
		return r
	}
	if length < 0 {
		length = o.info.Size
	}
	return o.reader(off, length)
}

// WriteTo writes the whole content to w.
func (o *Object) WriteTo(w io.Writer) (int64, error) {
	r := o.reader(0, o.info.Size)
	defer r.end()
	return r.WriteTo(w)
}

// Close ends all reads of the object, which fail with Closed; it never fails.
func (o *Object) Close() error {
	o.end(errObjectClosed)
	return nil
}

var errObjectClosed = foci.Errorf(foci.Closed, "the object is closed")

// closed is the error of reads after Close.
func (o *Object) closed() error {
	if context.Cause(o.ctx) == errObjectClosed {
		return errObjectClosed
	}
	return nil
}

// reader reads a part of the content that begins in the object.
func (o *Object) reader(off, length int64) *content {
	off = min(max(off, 0), o.info.Size) // outside only if the object is closed
	length = min(length, o.info.Size-off)
	at := o.log.find(off)
	c := newContent(o.s, o.info.Name, o.found, off, length)
	c.ctx, c.end = context.WithCancel(o.ctx)
	if o.found.Inline {
		c.inline()
		return &c
	}
	c.skip = off - o.log.spans[at].offset
	c.known = &known{log: &o.log, next: at}
	return &c
}
