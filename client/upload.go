package client

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// chunkWindow is how many chunks of one upload or download are in memory.
const chunkWindow = 4

// upload stores content that may be larger than one record: chunks first, and
// the head that names them once all of them are acknowledged (promise P0).
// Content that turns out to fit into one record becomes one.
func (s *Session) upload(ctx context.Context, rec wire.Record, r io.Reader, size int64) (Result, error) {
	u := &upload{Session: s, name: rec.Name, slots: make(chan []byte, chunkWindow), failed: make(chan error, 1)}
	for range chunkWindow {
		u.slots <- nil
	}
	if _, err := rand.Read(u.manifest.Upload[:]); err != nil {
		return Result{}, err
	}
	u.manifest.Chunk = foci.MaxPayload
	u.manifest.Version = foci.Version{Time: max(time.Now().UnixNano(), 1), Nonce: 1}
	first, more, err := u.next(ctx, r, size)
	if err != nil {
		return Result{}, err
	}
	if !more {
		rec.Payload, rec.Size = first, uint64(len(first))
		return s.commit(ctx, rec)
	}
	if err := u.all(ctx, first, r, size); err != nil {
		return Result{}, err
	}
	rec.Payload = u.manifest.Append(nil)
	rec.Manifest, rec.Size = true, u.manifest.Size
	res, err := s.commit(ctx, rec)
	res.Chunks = u.manifest.Chunks()
	return res, err
}

type upload struct {
	*Session
	name     foci.Name
	manifest wire.Manifest
	slots    chan []byte // buffers that may be used; nil = not yet made
	failed   chan error  // the first error
}

// all stores one chunk after another, a few at a time, and waits for all.
func (u *upload) all(ctx context.Context, chunk []byte, r io.Reader, size int64) error {
	more := true
	for index := uint32(0); len(chunk) > 0; index++ {
		if index >= foci.MaxChunks {
			return foci.Errorf(foci.TooLarge, "over %d chunks", foci.MaxChunks)
		}
		u.manifest.Size += uint64(len(chunk))
		if err := u.store(ctx, index, chunk); err != nil {
			return err
		}
		chunk = nil
		if more {
			var err error
			if chunk, more, err = u.next(ctx, r, size); err != nil {
				return err
			}
		}
	}
	for range chunkWindow { // all have come back
		if _, err := u.slot(ctx); err != nil {
			return err
		}
	}
	return nil
}

// next reads the next chunk into a free buffer; more is false when it is the
// last one.
func (u *upload) next(ctx context.Context, r io.Reader, size int64) (chunk []byte, more bool, err error) {
	want := int64(foci.MaxPayload)
	if size >= 0 {
		want = min(want, size-int64(u.manifest.Size))
	}
	b, err := u.slot(ctx)
	if err != nil {
		return nil, false, err
	}
	if b == nil {
		b = make([]byte, foci.MaxPayload)
	}
	k, err := io.ReadFull(r, b[:want])
	switch {
	case err == nil:
		return b[:k], size < 0 || int64(u.manifest.Size)+int64(k) < size, nil
	case size < 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return b[:k], false, nil
	default:
		return nil, false, shortRead(err, size)
	}
}

// slot waits for a free buffer, or for the first failure.
func (u *upload) slot(ctx context.Context) ([]byte, error) {
	select {
	case err := <-u.failed:
		return nil, err
	default:
	}
	select {
	case b := <-u.slots:
		return b, nil
	case err := <-u.failed:
		return nil, err
	case <-ctx.Done():
		return nil, foci.Errorf(foci.Canceled, "given up before all chunks were stored, the object is unchanged: %w", context.Cause(ctx))
	}
}

// store sends one chunk; its buffer comes back when no replica needs it any
// more.
func (u *upload) store(ctx context.Context, index uint32, b []byte) error {
	rec := wire.Record{
		Entry: wire.Entry{Op: wire.OpChunk, Version: u.manifest.Version, Size: uint64(len(b))},
		ID:    foci.ChunkID(u.name.Bucket, u.manifest.Upload, index), Name: u.name, Payload: b,
	}
	rec.Seal()
	cfg, err := u.config(ctx, u.name, rec.ID, u.opts.Ack)
	if err != nil {
		return err
	}
	w := quorum.NewChunk(cfg, rec)
	u.peer.Run(w, peer.Op{
		ID: rec.ID, Bucket: u.name.Bucket, Class: foci.Bulk, Deadline: cfg.Deadline,
		Done: func() {
			if _, err := w.Result(); err != nil {
				select {
				case u.failed <- foci.Errorf(foci.KindOf(noHead(err)), "chunk %d was not stored, the object is unchanged: %w", index, err):
				default:
				}
			}
		},
		Idle: func() { u.slots <- b[:foci.MaxPayload] },
	})
	return nil
}

// noHead is a chunk's error for the whole upload: without a head that names
// it, it does not matter whether the chunk is there.
func noHead(err error) error {
	if foci.KindOf(err) == foci.OutcomeUnknown {
		return foci.NoQuorum
	}
	return err
}
