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

// Upload writes an object in parts: up to foci.MaxParts of any size, in any order and
// in parallel. Complete makes the parts the content of the object and copies nothing;
// until then the object is unchanged. An Upload is safe for concurrent use and needs
// no closing. If it is not completed, Abort it: its parts take up space.
//
// Another process may complete the parts, by their text. Then the process that stored
// them must not call Abort unless it is certain that the other one has not completed
// them and will not: Abort would free the content of the object.
type Upload struct {
	s    *Session
	name foci.Name
	ctx  context.Context // ends with Abort
	end  context.CancelCauseFunc
	turn chan struct{} // held by Complete and Abort

	mu    sync.Mutex
	parts map[int]Part      // the last of each number; mu guards the fields up to full
	spare []record.Manifest // chunks of parts that failed or were replaced
	open  int               // parts that are being stored
	idle  chan struct{}     // closed when open is 0; nil: nothing waits for that
	full  bool              // the upload is complete and takes no more parts

	// turn guards the fields below.
	head *record.Record    // nil: not sent, or certainly not stored
	done *Result           // of Complete; nil: not succeeded
	rest []record.Manifest // once done: chunks that are not in the object and perhaps not freed
}

// Part is a stored part of an [Upload]. Its text form lets another process complete
// the upload.
type Part struct {
	Number   int
	Size     int64 // bytes of content
	object   foci.ID
	manifest record.Manifest // of a part that is not empty
}

// Upload begins an upload in parts. It sends nothing, and fails if n is invalid.
func (s *Session) Upload(n foci.Name) (*Upload, error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	u := &Upload{s: s, name: n, parts: map[int]Part{}, turn: make(chan struct{}, 1)}
	u.ctx, u.end = context.WithCancelCause(context.Background())
	return u, nil
}

// Part stores part number, from 1 to foci.MaxParts. If two calls have the same
// number, the one that ends last counts. Part reads r as [Session.Put] does and holds
// at most 16 MiB of it in memory. When it fails, the part of this number is unchanged.
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
	p := Part{Number: number, object: foci.ObjectID(u.name)}
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

// store stores the chunks of a part. After a failure p names those that were begun.
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
	first, more, err := w.first(r, size)
	if err != nil {
		return err
	}
	return w.all(first, more, r, size)
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

// ended records the end of storing a part. It reports whether the upload was complete
// before, so that the part is not in the object.
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

// Complete makes parts, in their order, the content of the object: promise P1, as
// with Put. Nil means all parts that u has stored, by number. It fails with Invalid if
// a part is of another object or its fields were changed. Complete may be called
// again: after OutcomeUnknown it resends the same transaction and ignores its
// arguments; after success it returns the same Result. It frees the parts stored by
// u that are not in the object, as far as nodes are reachable; another call frees
// those that are left.
func (u *Upload) Complete(ctx context.Context, parts []Part, o PutOptions) (Result, error) {
	if err := u.take(ctx); err != nil {
		return Result{}, about("complete", u.name, err)
	}
	defer func() { <-u.turn }()
	switch {
	case u.done != nil:
		u.freeRest(ctx)
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
		u.head, u.done, u.rest = rec, &res, u.unused(head)
		u.freeRest(ctx)
	case repeat && kind != foci.OutcomeUnknown:
		err = &foci.Error{Kind: foci.OutcomeUnknown, Msg: "it was sent before and may have taken effect; now: " + err.Error(), Err: foci.Cause(err), Fix: "complete it again"}
	case kind == foci.OutcomeUnknown:
		rec.Version = res.Version
		u.head = rec
	}
	return res, about("complete", u.name, err)
}

// record is the transaction that completes the upload: the one already sent, if any.
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
	if err := u.check(parts); err != nil {
		return nil, err
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

// check fails if a part is not of this object, because its chunks would not be found
// or be freed with that object's, or not as Part and UnmarshalText make one.
func (u *Upload) check(parts []Part) error {
	id := foci.ObjectID(u.name)
	for i := range parts {
		if err := parts[i].validate(); err != nil {
			return err
		}
		if parts[i].object != id {
			return foci.Errorf(foci.Invalid, "part %d was stored for another object", parts[i].Number)
		}
	}
	return nil
}

// unused marks the upload complete and returns the stored chunks that head does not
// name. Head may name any of them: an old part of a number, or, when it was sent
// before, parts that were replaced since.
func (u *Upload) unused(head record.Head) []record.Manifest {
	used := make(map[foci.UploadID]bool, len(head))
	for i := range head {
		used[head[i].Upload] = true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.full = true
	return slices.DeleteFunc(u.stored(), func(m record.Manifest) bool { return used[m.Upload] })
}

// stored is the chunks of all parts, failed and replaced ones included. The caller
// holds mu.
func (u *Upload) stored() []record.Manifest {
	all := slices.Clone(u.spare)
	for _, p := range u.parts {
		all = append(all, p.manifest)
	}
	return all
}

// freeRest frees the unused chunks of a complete upload. The upload has succeeded
// whether they are freed or not.
func (u *Upload) freeRest(ctx context.Context) {
	if u.free(ctx, u.rest) == nil {
		u.rest = nil
	}
}

// Abort ends the upload: parts that are being stored fail, and the space of the parts
// stored by u and of the given parts is freed. The object is unchanged. Abort is
// refused when Complete has succeeded or may have. When it fails, some space is not
// freed yet, and it may be called again.
//
// Abort knows only of Complete of u. Do not call it when another process may have
// completed the parts or may still do so: the object would lose its content.
func (u *Upload) Abort(ctx context.Context, parts ...Part) error {
	if err := u.take(ctx); err != nil {
		return about("abort", u.name, err)
	}
	defer func() { <-u.turn }()
	if u.head != nil {
		return about("abort", u.name, foci.Errorf(foci.Invalid, "the upload is complete, or may be: its parts belong to the object"))
	}
	if err := u.check(parts); err != nil {
		return about("abort", u.name, err)
	}
	u.end(errAborted)
	if err := u.wait(ctx); err != nil {
		return about("abort", u.name, err)
	}
	u.mu.Lock()
	all := u.stored()
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

// free frees chunks that no head names. Records are immutable, so free writes an empty
// record above each chunk; compaction then destroys the superseded one. The version of
// the empty record is derived from the chunk's, so freeing is idempotent.
func (u *Upload) free(caller context.Context, all []record.Manifest) error {
	eg, ctx := errgroup.WithContext(caller)
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
	err := eg.Wait()
	if caller.Err() != nil {
		return foci.Errorf(foci.Canceled, "given up before all chunks were freed: %w", context.Cause(caller))
	}
	return err
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
