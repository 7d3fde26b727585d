package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// chunkWindow is how many chunks of one upload are in memory.
const chunkWindow = 4

// chunked writes content that may be larger than one record: first the chunks, then,
// when all chunks are acknowledged, the head that names them (promise P0). Content
// that fits into one record becomes one.
func (s *Session) chunked(ctx context.Context, c *change) (Result, error) {
	u, err := s.chunkWriter(ctx, c.name)
	if err != nil {
		return Result{}, err
	}
	defer u.giveUp()
	rec := c.transaction()
	if at := rereadable(c.from, c.size); at != nil {
		err = u.allFrom(at, c.size)
	} else {
		var first []byte
		var more bool
		first, more, err = u.first(c.from, c.size)
		if err == nil && !more {
			rec.Payload, rec.Size = first, uint64(len(first))
			return s.commit(ctx, rec, c.meta)
		}
		if err == nil {
			err = u.all(first, more, c.from, c.size)
		}
	}
	if err != nil {
		return Result{}, err
	}
	return s.commitHead(ctx, rec, record.Head{u.manifest}, c.meta)
}

// commitHead stores the record that names the chunks.
func (s *Session) commitHead(ctx context.Context, rec record.Record, head record.Head, meta func() ([]byte, error)) (Result, error) {
	rec.Payload, rec.Manifest, rec.Size = head.Append(nil), true, head.Size()
	res, err := s.commit(ctx, rec, meta)
	res.Chunks = head.Chunks()
	return res, err
}

// chunkWriter begins to write chunks under a new upload id.
func (s *Session) chunkWriter(ctx context.Context, n foci.Name) (*chunkWriter, error) {
	u := &chunkWriter{Session: s, ctx: ctx, name: n, open: map[uint32]func(){}, read: map[uint32]*peer.Payload{}, slots: make(chan []byte, chunkWindow), failed: make(chan error, 1)}
	for range chunkWindow {
		u.slots <- nil
	}
	u.manifest.Chunk = foci.MaxPayload
	_, err := rand.Read(u.manifest.Upload[:])
	return u, err
}

// chunkWriter stores content as chunks, a few at a time.
type chunkWriter struct {
	*Session
	ctx      context.Context
	name     foci.Name
	manifest record.Manifest
	slots    chan []byte // buffers that may be used; nil = not yet made
	failed   chan error  // the first error
	over     byte        // read to see whether there is a second chunk
	peeked   bool        // over is to go before what is read next

	mu   sync.Mutex
	open map[uint32]func()        // chunks under way, and how to give each up
	read map[uint32]*peer.Payload // chunks that are read when they are sent
}

// first reads the first chunk; more reports whether content follows. Content of
// unknown size is mostly short, so its buffer grows as needed.
func (u *chunkWriter) first(r io.Reader, size int64) (chunk []byte, more bool, err error) {
	if size >= 0 {
		return u.next(r, size)
	}
	b, err := io.ReadAll(io.LimitReader(r, foci.MaxPayload+1))
	if err != nil {
		return nil, false, shortRead(err, size)
	}
	if len(b) > 0 {
		<-u.slots // whose buffer this one is
	}
	if len(b) <= foci.MaxPayload {
		return b, false, nil
	}
	u.over = b[foci.MaxPayload]
	u.peeked = true
	return b[:foci.MaxPayload], true, nil
}

// stamp sets the chunks' version by the replicas' clocks, because replicas refuse
// times ahead of their own.
func (u *chunkWriter) stamp() error {
	id := foci.ObjectID(u.name)
	cfg, err := u.config(u.ctx, u.name, id, u.opts.Ack)
	if err != nil {
		return err
	}
	m := quorum.NewStamp(cfg, id)
	u.run(u.ctx, m, u.op(id, wire.ObjectScope(u.name), u.name.Bucket, foci.Reg, cfg.Deadline))
	u.manifest.Version, err = m.Result()
	if mutant.On(mutant.ChunksByOwnClock) {
		u.manifest.Version.Time = cfg.Clock()
	}
	if err = givenUp(u.ctx, err); err != nil {
		return foci.Errorf(foci.KindOf(err), "the chunks get no version, nothing was stored: %w", err)
	}
	return nil
}

// all stores all chunks, at most chunkWindow at a time, and waits for their ends. more
// reports whether content follows the first one.
func (u *chunkWriter) all(chunk []byte, more bool, r io.Reader, size int64) error {
	if err := u.stamp(); err != nil {
		return err
	}
	for index := uint32(0); len(chunk) > 0; index++ {
		if index >= foci.MaxChunks {
			return foci.Errorf(foci.TooLarge, "over %d chunks", foci.MaxChunks)
		}
		u.manifest.Size += uint64(len(chunk))
		if err := u.store(index, chunk); err != nil {
			return err
		}
		chunk = nil
		if more {
			var err error
			if chunk, more, err = u.next(r, size); err != nil {
				return err
			}
		}
	}
	return u.wait()
}

// wait waits until no chunk is being stored.
func (u *chunkWriter) wait() error {
	for range chunkWindow { // all have come back
		if _, err := u.slot(); err != nil {
			return err
		}
	}
	select {
	case err := <-u.failed:
		return err
	default:
		return nil
	}
}

// allFrom stores the chunks of content that each attempt re-reads; nothing is buffered.
func (u *chunkWriter) allFrom(at io.ReaderAt, size int64) error {
	if err := u.stamp(); err != nil {
		return err
	}
	for index := uint32(0); u.manifest.Size < uint64(size); index++ {
		if _, err := u.slot(); err != nil {
			return err
		}
		from := int64(u.manifest.Size)
		n := min(foci.MaxPayload, size-from)
		rec := u.chunk(index, n)
		if err := rec.SealFrom(io.NewSectionReader(at, from, n), n); err != nil {
			return shortRead(err, size)
		}
		payload := peer.RereadPayload(io.NewSectionReader(at, from, n), n, func() {
			u.mu.Lock()
			delete(u.read, index)
			u.mu.Unlock()
			u.slots <- nil
		})
		u.mu.Lock()
		u.read[index] = payload
		u.mu.Unlock()
		u.manifest.Size += uint64(n)
		if err := u.send(index, rec, payload); err != nil {
			return err
		}
	}
	return u.wait()
}

// next reads the next chunk into a free buffer; the chunk is empty at the end. more
// reports whether content follows.
func (u *chunkWriter) next(r io.Reader, size int64) (chunk []byte, more bool, err error) {
	want := int64(foci.MaxPayload)
	if size >= 0 {
		want = min(want, size-int64(u.manifest.Size))
	}
	b, err := u.slot()
	if err != nil {
		return nil, false, err
	}
	if int64(cap(b)) < want {
		b = make([]byte, want)
	}
	b = b[:want]
	k := 0
	if u.peeked {
		b[0], k, u.peeked = u.over, 1, false
	}
	n, err := io.ReadFull(r, b[k:])
	k += n
	switch {
	case err == nil:
		more = size < 0 || int64(u.manifest.Size)+int64(k) < size
	case size < 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
	default:
		return nil, false, shortRead(err, size)
	}
	if k == 0 {
		u.slots <- b
	}
	return b[:k], more, nil
}

// slot waits for a free buffer or the first failure.
func (u *chunkWriter) slot() ([]byte, error) {
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
	case <-u.ctx.Done():
		return nil, foci.Errorf(foci.Canceled, "given up before all chunks were stored, the object is unchanged: %w", context.Cause(u.ctx))
	}
}

// store sends one chunk. Its buffer is free again when no attempt reads it.
func (u *chunkWriter) store(index uint32, b []byte) error {
	rec := u.chunk(index, int64(len(b)))
	rec.Payload = b
	rec.Seal()
	return u.send(index, rec, peer.NewPayload(func() { u.slots <- b }))
}

// chunk is the record of a chunk without content.
func (u *chunkWriter) chunk(index uint32, size int64) record.Record {
	place := record.ChunkMeta{Upload: u.manifest.Upload, Index: index}
	return record.Record{
		Entry: record.Entry{Op: record.OpChunk, Version: u.manifest.Version, Size: uint64(size)},
		ID:    foci.ChunkID(u.name.Bucket, place.Upload, place.Index), Name: u.name, Meta: place.Append(nil),
	}
}

// send runs a chunk's transaction, which owns the payload from now on.
func (u *chunkWriter) send(index uint32, rec record.Record, payload *peer.Payload) error {
	defer payload.Release()
	cfg, err := u.config(u.ctx, u.name, rec.ID, u.opts.Ack)
	if err != nil {
		return err
	}
	w := quorum.NewChunk(cfg, rec)
	u.mu.Lock()
	u.open[index] = func() {}
	u.mu.Unlock()
	op := u.op(rec.ID, wire.ChunkScope(u.name.Bucket, u.manifest.Upload, index), u.name.Bucket, foci.Bulk, cfg.Deadline)
	op.Payload, op.Trace = payload, traceOf(u.ctx)
	op.Done = func() {
		u.mu.Lock()
		delete(u.open, index)
		u.mu.Unlock()
		if _, err := w.Result(); err != nil {
			select {
			case u.failed <- noHead(index, err):
			default:
			}
		}
	}
	giveUp := u.client.peer.Run(w, op)
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, open := u.open[index]; open {
		u.open[index] = giveUp
	}
	return nil
}

// giveUp cancels the chunks that are being stored, which are useless without a head,
// and stops reading the content.
func (u *chunkWriter) giveUp() {
	u.mu.Lock()
	open, read := slices.Collect(maps.Values(u.open)), slices.Collect(maps.Values(u.read))
	u.mu.Unlock()
	for _, f := range open {
		f()
	}
	for _, payload := range read {
		payload.Detach(u.client.peer.Admit)
	}
}

// noHead makes a chunk's error that of the upload. A chunk without a head is
// invisible, so an unknown outcome of the chunk is a certain failure of the upload.
func noHead(index uint32, err error) error {
	e := &foci.Error{Kind: foci.KindOf(err), Err: err}
	e.Msg = fmt.Sprintf("chunk %d was not stored, the object is unchanged", index)
	if e.Kind == foci.OutcomeUnknown {
		e.Kind, e.Err = foci.NoQuorum, foci.Cause(err)
		e.Msg = fmt.Sprintf("too few groups acknowledged chunk %d, the object is unchanged", index)
		e.Fix = "see foci nodes for what is down or full"
	}
	return e
}
