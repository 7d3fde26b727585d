package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

// Result is what came of a write.
type Result struct {
	Version foci.Version
	Size    int64 // bytes of content
	Chunks  int   // that a large one was cut into; 0 for one that was not
}

// PutOptions are more that a put can say; the zero value says nothing.
type PutOptions struct {
	// Meta gives the metadata of the object, at most foci.MaxMetaLen bytes that
	// mean nothing to Foci. It is called once, after the last byte of the content
	// was read and before the object is there, so that it may tell what was
	// computed on the way, such as a checksum; when it fails, nothing is stored.
	// Nil: no metadata. [Meta] makes one of what is
	// known before.
	Meta func() ([]byte, error)
}

// Meta is metadata that is known before the content is read, for [PutOptions].
func Meta(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

// Put makes r the content of an object: promise P1. size is the number of bytes
// to read, or -1 for all of them; over 4 MiB they are cut into chunks, of which
// a few are on their way at a time.
//
// What an [os.File], [io.SectionReader], [bytes.Reader] or [strings.Reader] gives
// is not kept in memory, when size says how much it is: it is read again at each
// sending, and must stay the same until the call has returned. For your own
// [io.ReaderAt] use an io.SectionReader. Other readers are read once.
//
// An error of kind OutcomeUnknown says that it may have happened, or may still.
func (s *Session) Put(ctx context.Context, n foci.Name, r io.Reader, size int64, o PutOptions) (Result, error) {
	return s.now(ctx, &change{op: record.OpPut, name: n, from: r, size: size, meta: o.Meta})
}

// Append adds r to the end of an object, or makes one: promise P1a. It is
// applied once or, when it fails, not at all; of two that overlap, the later
// one may slide in before the other. r is read as by Put.
func (s *Session) Append(ctx context.Context, n foci.Name, r io.Reader, size int64) (Result, error) {
	return s.now(ctx, &change{op: record.OpAppend, name: n, from: r, size: size})
}

// Remove removes an object; that there is none is no error.
func (s *Session) Remove(ctx context.Context, n foci.Name) (foci.Version, error) {
	res, err := s.now(ctx, &change{op: record.OpRemove, name: n})
	return res.Version, err
}

// PutAsync begins a Put and returns at once, unless r is slow. done, unless it
// is nil, is called exactly once, with what Put would have returned: on a
// goroutine of the client's, under no lock, so that it may call the client again
// and take its time; while 64 callbacks run, others wait. r may be read until
// then; of content that is over 4 MiB, or of unknown length, on a goroutine of
// its own. The end of ctx cancels it.
func (s *Session) PutAsync(ctx context.Context, n foci.Name, r io.Reader, size int64, o PutOptions, done func(Result, error)) *Future[Result] {
	return s.later(ctx, &change{op: record.OpPut, name: n, from: r, size: size, meta: o.Meta}, done)
}

// AppendAsync begins an Append, as PutAsync does a Put.
func (s *Session) AppendAsync(ctx context.Context, n foci.Name, r io.Reader, size int64, done func(Result, error)) *Future[Result] {
	return s.later(ctx, &change{op: record.OpAppend, name: n, from: r, size: size}, done)
}

// RemoveAsync begins a Remove, as PutAsync does a Put.
func (s *Session) RemoveAsync(ctx context.Context, n foci.Name, done func(Result, error)) *Future[Result] {
	return s.later(ctx, &change{op: record.OpRemove, name: n}, done)
}

// change is what a caller asks to be written.
type change struct {
	op   record.Op
	name foci.Name
	from io.Reader              // nil: no content
	size int64                  // of the content, -1 when only reading will tell
	meta func() ([]byte, error) // called when the content was read; nil: no metadata
}

// now makes a change and waits for its end.
func (s *Session) now(ctx context.Context, c *change) (Result, error) {
	f := newFuture[Result](s.client, nil)
	if err := c.check(); err != nil {
		return Result{}, err
	}
	if c.large() {
		return s.large(ctx, c)
	}
	s.small(ctx, c, f)
	return f.await(ctx)
}

// later begins a change.
func (s *Session) later(ctx context.Context, c *change, done func(Result, error)) *Future[Result] {
	f := newFuture(s.client, done)
	if err := c.check(); err != nil {
		f.complete(Result{}, err)
		return f
	}
	if !c.large() {
		f.follow(ctx)
		s.small(ctx, c, f)
		return f
	}
	select {
	case s.client.uploads <- struct{}{}:
	default:
		f.complete(Result{}, about(c.op.String(), c.name, &foci.Error{Kind: foci.Busy, Msg: "too many large objects are being put", Fix: "try again when one has ended"}))
		return f
	}
	ctx, end := context.WithCancelCause(ctx)
	f.onCancel(end)
	go func() {
		defer end(nil)
		res, err := s.large(ctx, c)
		<-s.client.uploads
		f.complete(res, err)
	}()
	return f
}

// maxUploads bounds the goroutines that read large content for PutAsync.
const maxUploads = 16

// check refuses what breaks a rule before anything is read.
func (c *change) check() error {
	if c.size > foci.MaxChunks*foci.MaxPayload {
		return foci.Errorf(foci.TooLarge, "%d bytes of content, at most %d", c.size, foci.MaxChunks*foci.MaxPayload)
	}
	return c.name.Validate()
}

// large reports whether it may need more than one record.
func (c *change) large() bool { return c.from != nil && (c.size < 0 || c.size > foci.MaxPayload) }

// transaction is what it makes of the object, without content and metadata.
func (c *change) transaction() record.Record {
	return record.Record{Entry: record.Entry{Op: c.op}, Name: c.name}
}

// metadata is what meta gives, once the content was read.
func metadata(meta func() ([]byte, error)) ([]byte, error) {
	if meta == nil {
		return nil, nil
	}
	b, err := meta()
	switch {
	case err != nil && foci.KindOf(err) == foci.Internal:
		return nil, foci.Errorf(foci.Invalid, "its metadata cannot be read, nothing was stored: %w", err)
	case err != nil:
		return nil, foci.Errorf(foci.KindOf(err), "its metadata cannot be read, nothing was stored: %w", err)
	case len(b) > foci.MaxMetaLen:
		return nil, foci.Errorf(foci.TooLarge, "%d bytes of metadata, at most %d: nothing was stored", len(b), foci.MaxMetaLen)
	}
	// A slow replica may be sent it again when the caller was answered already.
	return bytes.Clone(b), nil
}

// rereadFrom is the least payload, in bytes, that is read again instead of kept.
const rereadFrom = 16 << 10

// small makes a change of one record.
func (s *Session) small(ctx context.Context, c *change, f *Future[Result]) {
	rec := c.transaction()
	again, err := c.read(&rec)
	if err != nil {
		f.complete(Result{}, about(c.op.String(), c.name, err))
		return
	}
	s.begin(ctx, c.op.String(), rec, again, f)
}

// read completes the record with content and metadata. Content that can be read
// again stays where it is: again gives it at each sending.
func (c *change) read(rec *record.Record) (again io.ReaderAt, err error) {
	rec.Size = uint64(c.size)
	at := rereadable(c.from, c.size)
	switch {
	case c.from == nil:
	case at == nil || c.size < rereadFrom:
		rec.Payload = make([]byte, c.size)
		if _, err := io.ReadFull(c.from, rec.Payload); err != nil {
			return nil, shortRead(err, c.size)
		}
	case c.meta != nil:
		// The hash begins with the metadata, which is given when all was read.
		if _, err := io.CopyN(io.Discard, c.from, c.size); err != nil {
			return nil, shortRead(err, c.size)
		}
		c.from = io.NewSectionReader(at, 0, c.size)
	}
	if rec.Meta, err = metadata(c.meta); err != nil {
		return nil, err
	}
	if at == nil || c.size < rereadFrom {
		rec.Seal()
		return nil, nil
	}
	if err := rec.SealFrom(c.from, c.size); err != nil {
		return nil, shortRead(err, c.size)
	}
	return at, nil
}

// large makes a change of chunks, and waits for its end.
func (s *Session) large(ctx context.Context, c *change) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, about(c.op.String(), c.name, canceled(context.Cause(ctx)))
	}
	res, err := s.chunked(ctx, c)
	return res, about(c.op.String(), c.name, err)
}

// rereadable is what r gives next as something that can be read again, nil when
// it cannot. Only types whose Read gives the same as their ReadAt are believed:
// another one may have a *os.File in it and change what that gives.
func rereadable(r io.Reader, size int64) io.ReaderAt {
	if size < 0 {
		return nil
	}
	var seek io.Seeker
	var at io.ReaderAt
	switch r := r.(type) {
	case *os.File:
		if info, err := r.Stat(); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		seek, at = r, r
	case *io.SectionReader:
		seek, at = r, r
	case *bytes.Reader:
		seek, at = r, r
	case *strings.Reader:
		seek, at = r, r
	default:
		return nil
	}
	begin, err := seek.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	return io.NewSectionReader(at, begin, size)
}

// shortRead is the error for content that ends early or cannot be read.
func shortRead(err error, size int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return foci.Errorf(foci.Invalid, "the content ended before its %d bytes, nothing was stored", size)
	}
	if foci.KindOf(err) == foci.Canceled {
		return foci.Errorf(foci.Canceled, "given up before all content was read, nothing was stored: %w", err)
	}
	return foci.Errorf(foci.Invalid, "the content cannot be read, nothing was stored: %w", err)
}

// commit runs the transaction of a record that is a part of something larger,
// once it has the metadata.
func (s *Session) commit(ctx context.Context, rec record.Record, meta func() ([]byte, error)) (_ Result, err error) {
	if rec.Meta, err = metadata(meta); err != nil {
		return Result{}, err
	}
	rec.Seal()
	f := newFuture[Result](s.client, nil)
	s.begin(ctx, "", rec, nil, f)
	return f.await(ctx)
}
