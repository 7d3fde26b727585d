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

// Result is the result of a write.
type Result struct {
	Version foci.Version
	Size    int64 // bytes of content
	Chunks  int   // of large content; 0: it is not cut into chunks
}

// PutOptions are the options of a put; the zero value has none.
type PutOptions struct {
	// Meta returns the metadata of the object: at most foci.MaxMetaLen bytes, which
	// Foci does not interpret. It is called once, after the content was read and
	// before the object is written, so metadata may hold a checksum of the content.
	// If Meta fails the object is not written. Nil: no metadata. The function [Meta]
	// makes one of fixed bytes.
	Meta func() ([]byte, error)
}

// Meta returns a function that returns b, for [PutOptions].
func Meta(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

// Put makes the bytes of r the content of an object: promise P1. size is the number
// of bytes to read, or -1 for all. Content over 4 MiB is sent as chunks, at most four
// at a time.
//
// If r is an [os.File], [io.SectionReader], [bytes.Reader] or [strings.Reader], and
// size is not -1, Put does not buffer the content: it re-reads r for each attempt, so
// the content must not change until Put returns. Wrap any other [io.ReaderAt] in an
// io.SectionReader. Other readers are read once.
//
// Put fails with OutcomeUnknown when it may have been applied, or may still be; with
// Invalid or TooLarge when an argument breaks a rule; with Busy when too many
// operations are pending.
func (s *Session) Put(ctx context.Context, n foci.Name, r io.Reader, size int64, o PutOptions) (Result, error) {
	return s.write(ctx, &change{op: record.OpPut, name: n, from: r, size: size, meta: o.Meta})
}

// Append adds the bytes of r to the end of an object, or creates the object: promise
// P1a. It is applied once or, when it fails, not at all; two concurrent appends may
// be applied in either order. Append reads r, and fails, as Put does.
func (s *Session) Append(ctx context.Context, n foci.Name, r io.Reader, size int64) (Result, error) {
	return s.write(ctx, &change{op: record.OpAppend, name: n, from: r, size: size})
}

// Remove removes an object and returns the version of its tombstone. Removing an
// object that does not exist succeeds.
func (s *Session) Remove(ctx context.Context, n foci.Name) (foci.Version, error) {
	res, err := s.write(ctx, &change{op: record.OpRemove, name: n})
	return res.Version, err
}

// PutAsync begins a Put and returns when content of at most 4 MiB has been read. It
// calls done, unless nil, exactly once with the result of the Put, on a goroutine of
// the client and under no lock: done may be slow and may call the client. At most 64
// callbacks run at a time. r may be read until done is called. Content over 4 MiB or
// of unknown size is read on a goroutine of its own; more than 16 such puts at a time
// are refused with Busy. The end of ctx cancels the put.
func (s *Session) PutAsync(ctx context.Context, n foci.Name, r io.Reader, size int64, o PutOptions, done func(Result, error)) *Future[Result] {
	return s.writeAsync(ctx, &change{op: record.OpPut, name: n, from: r, size: size, meta: o.Meta}, done)
}

// AppendAsync begins an Append as PutAsync begins a Put.
func (s *Session) AppendAsync(ctx context.Context, n foci.Name, r io.Reader, size int64, done func(Result, error)) *Future[Result] {
	return s.writeAsync(ctx, &change{op: record.OpAppend, name: n, from: r, size: size}, done)
}

// RemoveAsync begins a Remove as PutAsync begins a Put.
func (s *Session) RemoveAsync(ctx context.Context, n foci.Name, done func(Result, error)) *Future[Result] {
	return s.writeAsync(ctx, &change{op: record.OpRemove, name: n}, done)
}

// change is one write as the caller requests it.
type change struct {
	op   record.Op
	name foci.Name
	from io.Reader              // nil: no content
	size int64                  // of the content, -1 when only reading will tell
	meta func() ([]byte, error) // called when the content was read; nil: no metadata
}

// write runs a change and waits for its end.
func (s *Session) write(ctx context.Context, c *change) (Result, error) {
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

// writeAsync begins a change.
func (s *Session) writeAsync(ctx context.Context, c *change, done func(Result, error)) *Future[Result] {
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

// check validates the change before its content is read.
func (c *change) check() error {
	if c.size > foci.MaxChunks*foci.MaxPayload {
		return foci.Errorf(foci.TooLarge, "%d bytes of content, at most %d", c.size, foci.MaxChunks*foci.MaxPayload)
	}
	return c.name.Validate()
}

// large reports whether the change may need more than one record.
func (c *change) large() bool { return c.from != nil && (c.size < 0 || c.size > foci.MaxPayload) }

// transaction is the record of the change without content and metadata.
func (c *change) transaction() record.Record {
	return record.Record{Entry: record.Entry{Op: c.op}, Name: c.name}
}

// metadata calls meta after the content was read.
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
	// Resends to a slow replica may need the bytes after the caller was answered.
	return bytes.Clone(b), nil
}

// rereadFrom is the least payload, in bytes, that is re-read instead of buffered.
const rereadFrom = 16 << 10

// small begins a change of one record.
func (s *Session) small(ctx context.Context, c *change, f *Future[Result]) {
	rec := c.transaction()
	again, err := c.read(&rec)
	if err != nil {
		f.complete(Result{}, about(c.op.String(), c.name, err))
		return
	}
	s.begin(ctx, c.op.String(), rec, again, f)
}

// read completes the record with content and metadata. Content that can be re-read is
// not buffered: each attempt reads it from again.
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
		// The hash begins with the metadata, which is known after the last byte only.
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

// large runs a change of several records and waits for its end.
func (s *Session) large(ctx context.Context, c *change) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, about(c.op.String(), c.name, canceled(context.Cause(ctx)))
	}
	res, err := s.chunked(ctx, c)
	return res, about(c.op.String(), c.name, err)
}

// rereadable is the next size bytes of r as an [io.ReaderAt], or nil. It accepts only
// types whose Read returns the same bytes as ReadAt: another type may embed an
// *os.File and transform what Read returns.
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

// shortRead is the error of content that ends early or cannot be read.
func shortRead(err error, size int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return foci.Errorf(foci.Invalid, "the content ended before its %d bytes, nothing was stored", size)
	}
	if foci.KindOf(err) == foci.Canceled {
		return foci.Errorf(foci.Canceled, "given up before all content was read, nothing was stored: %w", err)
	}
	return foci.Errorf(foci.Invalid, "the content cannot be read, nothing was stored: %w", err)
}

// commit adds the metadata to a record of a larger operation and runs its transaction.
func (s *Session) commit(ctx context.Context, rec record.Record, meta func() ([]byte, error)) (_ Result, err error) {
	if rec.Meta, err = metadata(meta); err != nil {
		return Result{}, err
	}
	rec.Seal()
	f := newFuture[Result](s.client, nil)
	s.begin(ctx, "", rec, nil, f)
	return f.await(ctx)
}
