package client

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// Info describes an object.
type Info struct {
	Name    foci.Name
	Version foci.Version // of the newest transaction of its content
	Base    foci.Version // of the put below the appends; zero: there is none
	Size    int64        // bytes
	Appends int          // above the base
	Meta    []byte       // metadata of the put
}

// GetOptions choose what to get; the zero value is all of the newest content.
type GetOptions struct {
	Version foci.Version // content as of this version; zero: the newest
	Offset  int64        // first byte
	Length  int64        // bytes; 0 or less: to the end
}

// Reader reads an object's content sequentially. It must be closed, and is not safe
// for concurrent use.
type Reader struct {
	Info
	content
}

var (
	_ io.ReadCloser = (*Reader)(nil)
	_ io.WriterTo   = (*Reader)(nil)
)

// Get resolves an object and begins to read it: promise P1. The content is that of
// one version, whatever is written meanwhile. The end of ctx also ends reading. Get
// fails with NotFound when a quorum has no such object, and with Busy when appends
// arrive faster than Get can resolve them. To read at several offsets use Open.
func (s *Session) Get(ctx context.Context, n foci.Name, o GetOptions) (*Reader, error) {
	if err := o.check(n); err != nil {
		return nil, err
	}
	r, err := s.get(ctx, n, o, nil)
	return r, about("get", n, err)
}

func (o *GetOptions) check(n foci.Name) error {
	if o.Offset < 0 {
		return foci.Errorf(foci.Invalid, "offset %d: want 0 or more", o.Offset)
	}
	return n.Validate()
}

// get begins to read found, which it resolves first if nil.
func (s *Session) get(ctx context.Context, n foci.Name, o GetOptions, found *quorum.Found) (*Reader, error) {
	var r *Reader
	err := s.pin(ctx, n, o.Version, found, func(found quorum.Found) (torn bool, err error) {
		r = &Reader{Info: infoOf(n, &found)}
		if o.Offset > r.Size {
			return false, foci.Errorf(foci.Invalid, "offset %d is beyond the end of its %d bytes", o.Offset, r.Size)
		}
		left := r.Size - o.Offset
		if o.Length > 0 {
			left = min(left, o.Length)
		}
		r.content = newContent(s, n, found, o.Offset, left)
		torn, err = r.first(ctx)
		if r.Meta = r.meta; err != nil || torn {
			_ = r.Close() // never fails
		}
		return torn, err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// pin resolves an object and calls begin to read the first part of it. It repeats
// both when begin fails with Gone, because the version was destroyed meanwhile, or
// reports torn, because the log is not the resolved one: an append was added. first
// is the object if it is resolved already, else nil.
func (s *Session) pin(ctx context.Context, n foci.Name, at foci.Version, first *quorum.Found, begin func(quorum.Found) (torn bool, err error)) error {
	const tries = 16
	for try := 1; ; try++ {
		var found quorum.Found
		var err error
		if first != nil && try == 1 {
			found = *first
		} else if found, err = s.resolve(ctx, n, at); err != nil {
			return err
		}
		if !at.IsZero() {
			// The first group may lack a part of an old version.
			found.Holders = rotated(found.Holders, try-1)
		}
		torn, err := begin(found)
		switch {
		case err == nil && !torn, err != nil && foci.KindOf(err) != foci.Gone:
			return err
		case try < tries:
		case err != nil:
			return err
		case !at.IsZero():
			return foci.Errorf(foci.NoQuorum, "no group that answers holds all of version %v", at)
		default:
			return &foci.Error{Kind: foci.Busy, Msg: "appends arrive faster than the object can be read", Fix: "try again", RetryAfter: 50 * time.Millisecond}
		}
	}
}

// rotated returns the groups with another one first for each turn.
func rotated(groups []foci.Group, turn int) []foci.Group {
	if len(groups) == 0 {
		return groups
	}
	turn %= len(groups)
	return slices.Concat(groups[turn:], groups[:turn])
}

// Stat describes an object without reading its content: promise P1. It fails as Get
// does.
func (s *Session) Stat(ctx context.Context, n foci.Name) (Info, error) {
	if err := n.Validate(); err != nil {
		return Info{}, err
	}
	found, err := s.resolve(ctx, n, foci.Version{})
	if err != nil {
		return Info{}, about("stat", n, err)
	}
	info := infoOf(n, &found)
	if !found.Inline && !found.Vote.Base.IsZero() {
		c := newContent(s, n, found, 0, 0)
		page, _, err := c.fetch(ctx, found.Vote.Base, found.Vote.Newest, 1, 0, 0)
		if err != nil {
			return Info{}, about("stat", n, err)
		}
		if e := &page.Entries[0]; e.Version == found.Vote.Base {
			info.Meta = e.Meta
		}
	}
	return info, nil
}

func infoOf(n foci.Name, f *quorum.Found) Info {
	i := Info{Name: n, Version: f.Vote.Newest, Base: f.Vote.Base, Size: int64(f.Vote.Size), Appends: int(f.Vote.Count), Meta: f.Meta}
	if !f.Vote.Base.IsZero() {
		i.Appends--
	}
	if f.Vote.BaseOp == record.OpRemove {
		i.Base = foci.Version{}
	}
	return i
}

// resolve finds the newest version of an object, or its state at a version.
func (s *Session) resolve(ctx context.Context, n foci.Name, at foci.Version) (quorum.Found, error) {
	m, op, err := s.question(ctx, n)
	if err != nil {
		return quorum.Found{}, err
	}
	s.run(ctx, m, op)
	found, err := s.answer(ctx, n, m)
	if !at.IsZero() && at != found.Vote.Newest && (err == nil || foci.KindOf(err) == foci.NotFound) {
		return s.asOf(ctx, n, found, at)
	}
	return found, err
}

// question is the operation that finds the newest version of an object.
func (s *Session) question(ctx context.Context, n foci.Name) (*quorum.Read, peer.Op, error) {
	id := foci.ObjectID(n)
	cfg, err := s.config(ctx, n, id, s.opts.Read)
	if err != nil {
		return nil, peer.Op{}, err
	}
	op := s.op(id, wire.ObjectScope(n), n.Bucket, foci.Reg, cfg.Deadline)
	op.Trace = traceOf(ctx)
	return quorum.NewRead(cfg, id, wire.MaxInline), op, nil
}

// answer is the result of a question. With NotFound it still returns what was found.
func (s *Session) answer(ctx context.Context, n foci.Name, m *quorum.Read) (quorum.Found, error) {
	found, err := m.Result()
	if err = givenUp(ctx, err); err != nil {
		return quorum.Found{}, err
	}
	if !found.Vote.Exists() {
		return found, foci.Errorf(foci.NotFound, "there is no such object")
	}
	return found, nil
}

// asOf is the state of an object right after the transaction of version at.
func (s *Session) asOf(ctx context.Context, n foci.Name, now quorum.Found, at foci.Version) (quorum.Found, error) {
	was := quorum.Found{Holders: now.Holders}
	known := false
	for e, err := range s.History(ctx, n) {
		if err != nil {
			return was, err
		}
		if at.Less(e.Version) {
			break
		}
		v := &was.Vote
		if op := record.Op(e.Op); op.IsBase() {
			*v = record.Vote{Base: e.Version, BaseOp: op}
		}
		v.Count++
		v.Size += uint64(e.Size)
		v.Sum = v.Sum.Add(e.sum)
		v.Newest = e.Version
		known = e.Version == at
	}
	switch {
	case !known:
		return was, foci.Errorf(foci.NotFound, "it has no version %v, see foci history", at)
	case !was.Vote.Exists():
		return was, foci.Errorf(foci.NotFound, "version %v removed it", at)
	}
	// Read repair does not restore old versions: any group may be the one that has it.
	was.Holders = s.client.layout.Load().GroupsOf(n.Bucket)
	return was, nil
}
