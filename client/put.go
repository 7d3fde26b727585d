package client

import (
	"context"
	"io"

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
