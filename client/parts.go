package client

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// Upload is an object that is given in parts: up to foci.MaxParts of any size, in
// any order and at the same time. Complete makes them the object; nothing is
// copied. Until then the object is what it was. All methods may be called at the
// same time. An Upload needs no closing, but one that is not completed should be
// aborted, or its parts take up space.
type Upload struct {
	s    *Session
	name foci.Name
	ctx  context.Context // ends when it is aborted
	end  context.CancelCauseFunc
	turn chan struct{} // held by Complete and Abort

	mu    sync.Mutex
	parts map[int]Part      // the last of each number; guarded by mu, as the rest
	spare []record.Manifest // chunks of parts that failed or were replaced
	open  int               // parts that are being stored
	idle  chan struct{}     // closed when none is; nil: nothing waits for that
	full  bool              // it is complete: no part can be in it any more

	// The head, once it was sent with an outcome that is not a certain failure.
	// Both are guarded by turn.
	head *record.Record
	done *Result // nil: its outcome is unknown
}

// Part is a part that is stored. Another process may complete the upload when it
// is told the part's text.
type Part struct {
	Number   int
	Size     int64 // bytes of content
	manifest record.Manifest
}

// Upload begins to give an object in parts. Nothing is sent yet.
func (s *Session) Upload(n foci.Name) (*Upload, error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	u := &Upload{s: s, name: n, parts: map[int]Part{}, turn: make(chan struct{}, 1)}
	u.ctx, u.end = context.WithCancelCause(context.Background())
	return u, nil
}

// Part stores the content of a part, whose number is from 1 to foci.MaxParts;
// of two with the same number the one that ends last counts. r is read as by
// [Session.Put]; at most 16 MiB of it are in memory. When it fails the part is as
// it was.
func (u *Upload) Part(ctx context.Context, number int, r io.Reader, size int64) (Part, error) {
	if number < 1 || number > foci.MaxParts {
		return Part{}, foci.Errorf(foci.Invalid, "part %d: want 1 to %d", number, foci.MaxParts)
	}
	if size > foci.MaxChunks*foci.MaxPayload {
		return Part{}, foci.Errorf(foci.TooLarge, "part %d of %d bytes, at most %d", number, size, foci.MaxChunks*foci.MaxPayload)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer context.AfterFunc(u.ctx, func() { cancel(context.Cause(u.ctx)) })()
	defer cancel(nil)
	if err := u.begin(); err != nil {
		return Part{}, err
	}
	p := Part{Number: number}
	err := u.store(ctx, &p, r, size)
	if late := u.ended(p, err); late {
		_ = u.free(context.WithoutCancel(ctx), []record.Manifest{p.manifest}) // as far as nodes can be reached
		err = cmp.Or(err, errComplete)
	}
	if err != nil {
		return Part{}, about(fmt.Sprintf("put part %d of", number), u.name, err)
	}
	return p, nil
}

// store stores the chunks of a part. When it fails, p has those that were begun.
func (u *Upload) store(ctx context.Context, p *Part, r io.Reader, size int64) error {
	if ctx.Err() != nil {
		return canceled(context.Cause(ctx))
	}
	w, err := u.s.chunkWriter(ctx, u.name)
	if err != nil {
		return err
	}
	defer func() {
		if w.manifest.Size > 0 {
			p.manifest, p.Size = w.manifest, int64(w.manifest.Size)
		}
	}()
	defer w.giveUp()
	if at := rereadable(r, size); at != nil {
		return w.allFrom(at, size)
	}
	first, _, err := w.next(r, size)
	if err != nil {
		return err
	}
	return w.all(first, r, size)
}

func (u *Upload) begin() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.ctx.Err() != nil:
		return context.Cause(u.ctx)
	case u.full:
		return errComplete
	}
	u.open++
	return nil
}

var errComplete = foci.Errorf(foci.Closed, "the upload is complete")

// ended takes note of a part that is stored or has failed. It reports whether that
// was too late to be in the object.
func (u *Upload) ended(p Part, err error) (late bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old, replaced := u.parts[p.Number]
	switch {
	case u.full:
	case err != nil:
		u.spare = append(u.spare, p.manifest)
	case replaced:
		u.spare = append(u.spare, old.manifest)
		fallthrough
	default:
		u.parts[p.Number] = p
	}
	if u.open--; u.open == 0 && u.idle != nil {
		close(u.idle)
		u.idle = nil
	}
	return u.full
}

// Complete makes parts the content of the object, in their order: promise P1, as
// a Put. Nil is all that Part has stored here, by number. It may be repeated:
// after an outcome that is unknown the same transaction is sent again, whatever
// it is told then, and once it has succeeded it gives the same Result. Parts that
// were stored here and are not in the object are freed, as far as nodes can be
// reached.
func (u *Upload) Complete(ctx context.Context, parts []Part, o PutOptions) (Result, error) {
	if err := u.take(ctx); err != nil {
		return Result{}, about("complete", u.name, err)
	}
	defer func() { <-u.turn }()
	switch {
	case u.done != nil:
		return *u.done, nil
	case u.ctx.Err() != nil:
		return Result{}, about("complete", u.name, context.Cause(u.ctx))
	}
	repeat := u.head != nil
	rec, err := u.record(parts, o)
	if err != nil {
		return Result{}, about("complete", u.name, err)
	}
	res, err := u.s.commit(ctx, *rec, Meta(rec.Meta))
	switch kind := foci.KindOf(err); {
	case err == nil:
		head, _ := record.DecodeHead(rec.Payload) // nil when there is no chunk
		res.Chunks = head.Chunks()
		u.head, u.done = rec, &res
		_ = u.free(ctx, u.unused(head)) // it is done, whatever becomes of these
	case repeat && kind != foci.OutcomeUnknown:
		err = &foci.Error{Kind: foci.OutcomeUnknown, Msg: "it was sent before and may have taken effect; now: " + err.Error(), Err: foci.Cause(err), Fix: "complete it again"}
	case kind == foci.OutcomeUnknown:
		rec.Version = res.Version
		u.head = rec
	}
	return res, about("complete", u.name, err)
}

// record is the transaction that makes the parts the object: the one that was
// sent already, if any was.
func (u *Upload) record(parts []Part, o PutOptions) (*record.Record, error) {
	if u.head != nil {
		return u.head, nil
	}
	if parts == nil {
		u.mu.Lock()
		for _, p := range u.parts {
			parts = append(parts, p)
		}
		u.mu.Unlock()
		slices.SortFunc(parts, func(a, b Part) int { return a.Number - b.Number })
	}
	if len(parts) > foci.MaxParts {
		return nil, foci.Errorf(foci.TooLarge, "%d parts, at most %d", len(parts), foci.MaxParts)
	}
	var head record.Head
	for i := range parts {
		if parts[i].Size > 0 {
			head = append(head, parts[i].manifest)
		}
	}
	if head.Chunks() > foci.MaxChunks {
		return nil, foci.Errorf(foci.TooLarge, "%d chunks in all parts, at most %d", head.Chunks(), foci.MaxChunks)
	}
	meta, err := metadata(o.Meta)
	if err != nil {
		return nil, err
	}
	rec := &record.Record{Entry: record.Entry{Op: record.OpPut, Manifest: len(head) > 0, Size: head.Size()}, Name: u.name, Meta: meta, Payload: head.Append(nil)}
	return rec, nil
}

// unused ends the storing of parts, because the upload is complete. It gives the
// chunks stored here that the head does not name.
func (u *Upload) unused(head record.Head) []record.Manifest {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.full = true
	unused := u.spare
	u.spare = nil
	for _, p := range u.parts {
		if !slices.ContainsFunc(head, func(m record.Manifest) bool { return m.Upload == p.manifest.Upload }) {
			unused = append(unused, p.manifest)
		}
	}
	return unused
}

// Abort ends the upload: parts that are being stored fail, and the space of all
// that were stored here, and of those given, is freed. The object stays what it
// is. It is refused once Complete has succeeded or may have; it may be repeated
// when it fails, which says that some space is not freed yet.
func (u *Upload) Abort(ctx context.Context, parts ...Part) error {
	if err := u.take(ctx); err != nil {
		return about("abort", u.name, err)
	}
	defer func() { <-u.turn }()
	if u.head != nil {
		return about("abort", u.name, foci.Errorf(foci.Invalid, "the upload is complete, or may be: its parts belong to the object"))
	}
	u.end(errAborted)
	if err := u.wait(ctx); err != nil {
		return about("abort", u.name, err)
	}
	u.mu.Lock()
	all := slices.Clone(u.spare)
	for _, p := range u.parts {
		all = append(all, p.manifest)
	}
	u.mu.Unlock()
	for i := range parts {
		all = append(all, parts[i].manifest)
	}
	return about("abort", u.name, u.free(ctx, all))
}

var errAborted = foci.Errorf(foci.Closed, "the upload was aborted")

// wait waits until no part is being stored.
func (u *Upload) wait(ctx context.Context) error {
	u.mu.Lock()
	idle := u.idle
	if idle == nil && u.open > 0 {
		idle = make(chan struct{})
		u.idle = idle
	}
	u.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return canceled(context.Cause(ctx))
	}
}

// take waits for the turn of Complete or Abort.
func (u *Upload) take(ctx context.Context) error {
	select {
	case u.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case u.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return canceled(context.Cause(ctx))
	}
}

// freeWindow is how many chunks are freed at a time.
const freeWindow = 16

// free gives back the space of chunks that no head names. A chunk's record is
// immutable, so an empty one follows it, after which nodes may destroy the older
// one as they do with all that is superseded. The version of the empty one is made
// from the older one's, so that freeing may be repeated.
func (u *Upload) free(ctx context.Context, all []record.Manifest) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(freeWindow)
	for _, m := range all {
		if m.Size == 0 {
			continue // no chunk of it was begun
		}
		for i := range m.Chunks() {
			if ctx.Err() != nil {
				break
			}
			eg.Go(func() error { return u.freeChunk(ctx, &m, uint32(i)) })
		}
	}
	return eg.Wait()
}

func (u *Upload) freeChunk(ctx context.Context, m *record.Manifest, index uint32) error {
	w := &chunkWriter{Session: u.s, name: u.name, manifest: *m}
	w.manifest.Version.Time++
	rec := w.chunk(index, 0)
	rec.Seal()
	cfg, err := u.s.config(ctx, u.name, rec.ID, u.s.opts.Ack)
	if err != nil {
		return err
	}
	chunk := quorum.NewChunk(cfg, rec)
	u.s.run(ctx, chunk, u.s.op(rec.ID, wire.ChunkScope(u.name.Bucket, m.Upload, index), u.name.Bucket, foci.Bulk, cfg.Deadline))
	if _, err := chunk.Result(); err != nil {
		return foci.Errorf(foci.KindOf(err), "chunk %d is not freed: %w", index, err)
	}
	return nil
}
