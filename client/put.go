package client

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// Result is what came of a write.
type Result struct {
	Version foci.Version
	Size    int64 // bytes of content
	Chunks  int   // that a large one was cut into; 0 for one that was not
}

// Put makes r the content of an object: promise P1. size is the number of bytes
// to read, or -1 for all of them; over 4 MiB they are cut into chunks, of which
// a few are in memory at a time. meta may be nil.
//
// An error of kind OutcomeUnknown says that it may have happened, or may still.
func (s *Session) Put(ctx context.Context, n foci.Name, r io.Reader, size int64, meta []byte) (Result, error) {
	res, err := s.write(ctx, wire.OpPut, n, r, size, meta)
	return res, about("put", n, err)
}

// Append adds r to the end of an object, or makes one: promise P1a. It is
// applied once or, when it fails, not at all; of two that overlap, the later
// one may slide in before the other.
func (s *Session) Append(ctx context.Context, n foci.Name, r io.Reader, size int64) (Result, error) {
	res, err := s.write(ctx, wire.OpAppend, n, r, size, nil)
	return res, about("append", n, err)
}

// Remove removes an object; that there is none is no error.
func (s *Session) Remove(ctx context.Context, n foci.Name) (foci.Version, error) {
	if err := n.Validate(); err != nil {
		return foci.Version{}, err
	}
	res, err := s.commit(ctx, wire.Record{Entry: wire.Entry{Op: wire.OpRemove}, Name: n})
	return res.Version, about("remove", n, err)
}

func (s *Session) write(ctx context.Context, op wire.Op, n foci.Name, r io.Reader, size int64, meta []byte) (Result, error) {
	if err := n.Validate(); err != nil {
		return Result{}, err
	}
	if len(meta) > foci.MaxMetaLen {
		return Result{}, foci.Errorf(foci.TooLarge, "%d bytes of metadata, at most %d", len(meta), foci.MaxMetaLen)
	}
	if size > foci.MaxChunks*foci.MaxPayload {
		return Result{}, foci.Errorf(foci.TooLarge, "%d bytes of content, at most %d", size, foci.MaxChunks*foci.MaxPayload)
	}
	// A slow replica may be sent it again when the caller was answered already.
	rec := wire.Record{Entry: wire.Entry{Op: op}, Name: n, Meta: bytes.Clone(meta)}
	if size < 0 || size > foci.MaxPayload {
		return s.upload(ctx, rec, r, size)
	}
	rec.Payload = make([]byte, size)
	if _, err := io.ReadFull(r, rec.Payload); err != nil {
		return Result{}, shortRead(err, size)
	}
	rec.Size = uint64(size)
	return s.commit(ctx, rec)
}

// shortRead is the error for content that ends early or cannot be read.
func shortRead(err error, size int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return foci.Errorf(foci.Invalid, "the content ended before its %d bytes, nothing was stored", size)
	}
	return foci.Errorf(foci.Invalid, "the content cannot be read, nothing was stored: %w", err)
}

// commit runs the transaction of a record in its turn.
func (s *Session) commit(ctx context.Context, rec wire.Record) (Result, error) {
	free, err := s.peer.Admit(int64(len(rec.Payload)))
	if err != nil {
		return Result{}, err
	}
	cfg, err := s.inTurnWith(ctx, &rec)
	if err != nil {
		free()
		return Result{}, err
	}
	defer s.release(rec.Name)
	w := quorum.NewWrite(cfg, rec)
	s.run(ctx, w, peer.Op{ID: rec.ID, Bucket: rec.Name.Bucket, Class: foci.Reg, Deadline: cfg.Deadline, Idle: free})
	v, err := w.Result()
	return Result{Version: v, Size: int64(rec.Size)}, givenUp(ctx, err)
}

// inTurnWith waits for a record's turn, completes it but for its version, and
// says how it is to be stored. The turn is to be released.
func (s *Session) inTurnWith(ctx context.Context, rec *wire.Record) (quorum.Config, error) {
	rec.ID = foci.ObjectID(rec.Name)
	cfg, err := s.config(ctx, rec.Name, rec.ID, s.opts.Ack)
	if err != nil {
		return cfg, err
	}
	rec.Seal()
	waited, err := s.inTurn(ctx, rec.Name, cfg.Deadline)
	if waited && err == nil { // things may have changed, but not when it must end
		deadline := cfg.Deadline
		if cfg, err = s.config(ctx, rec.Name, rec.ID, s.opts.Ack); err != nil {
			s.release(rec.Name)
		}
		cfg.Deadline = deadline
	}
	return cfg, err
}
