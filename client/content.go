package client

import (
	"context"
	"io"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// content reads a resolved object: its log from the base up, page by page, and the
// chunks that heads in the log name, a few ahead. It is not safe for concurrent use.
type content struct {
	s     *Session
	ctx   context.Context
	end   context.CancelFunc
	name  foci.Name
	found quorum.Found
	id    foci.ID

	skip int64 // bytes of content before those wanted
	left int64 // bytes wanted and not yet planned
	meta []byte

	next   foci.Version        // where the log goes on
	at     uint32              // into the payload there
	exact  bool                // the log has to go on with next itself
	least  uint32              // bytes of payload to ask for there
	asked  foci.Version        // whose whole head was asked for
	page   []wire.FetchedEntry // read and not yet planned
	body   []byte              // of page
	more   bool                // the log goes on behind page
	known  *known              // the expected log; nil: unknown
	passed int                 // groups passed over because they lack a part of the log
	head   record.Head         // manifests that are being read
	chunk  int                 // next chunk of the first manifest
	ahead  []fetching          // pieces in order
	now    []byte              // of the piece that is being read
	seen   record.Vote         // count and sum of the log, as far as it was read
	err    error
}

// part is a fetched piece of content.
type part struct {
	b   []byte
	err error
}

// fetching is a piece that is being fetched; forget detaches it from the context.
type fetching struct {
	part   chan part
	forget func() bool
}

// aheadWindow is how many pieces of a download are fetched while another one is being
// read: a process stays well under 64 MiB.
const aheadWindow = 2

// bulkHedge is the hedging delay for bodies, which take longer than votes and cost
// more to send twice.
const bulkHedge = 500 * time.Millisecond

func newContent(s *Session, n foci.Name, f quorum.Found, offset, length int64) content {
	return content{s: s, name: n, id: foci.ObjectID(n), found: f, skip: offset, left: length, next: f.Vote.Base, more: f.Vote.Count > 0}
}

// first reads the first page, so that a destroyed object is noticed before its first
// byte is returned. torn reports that the page is the whole content and differs from
// the resolved one.
func (c *content) first(ctx context.Context) (torn bool, err error) {
	c.ctx, c.end = context.WithCancel(ctx)
	f := &c.found
	if f.Inline {
		c.meta = f.Meta
		c.inline()
		return false, nil
	}
	if err := c.turn(); err != nil {
		return false, err
	}
	if len(c.page) == 0 || !f.Vote.Base.IsZero() && c.page[0].Version != f.Vote.Base {
		return false, destroyed(f.Vote.Base)
	}
	c.meta = c.page[0].Meta
	return !c.more && !c.whole(), nil
}

// inline takes the whole content from the vote.
func (c *content) inline() {
	f := &c.found
	c.page = []wire.FetchedEntry{{Entry: f.Entry, Bytes: f.Entry.Length, Meta: f.Meta}}
	c.body, c.more = f.Payload, false
}

// whole reports whether the log as read so far is the resolved one.
func (c *content) whole() bool {
	return c.seen.Count == c.found.Vote.Count && c.seen.Sum == c.found.Vote.Sum
}

// belongs reports whether e belongs to the resolved version: a later base or append
// does not.
func (c *content) belongs(e *record.Entry) bool {
	if c.known != nil {
		return c.known.expects(e)
	}
	return c.counts(e)
}

func (c *content) counts(e *record.Entry) bool {
	return !e.Op.IsBase() || e.Version == c.found.Vote.Base
}

// turn reads the next page of the log: without payload while there are bytes to skip,
// because whole entries may be skipped.
func (c *content) turn() error {
	want := min(c.left, foci.MaxPayload)
	if c.skip > 0 && c.at == 0 && c.page == nil {
		want = 0
	} else {
		want = max(want, int64(c.least), 1<<10) // most heads fit
	}
	c.least = 0
	if c.known != nil {
		return c.turnKnown(uint32(want))
	}
	m, body, err := c.fetch(c.ctx, c.next, c.found.Vote.Newest, wire.MaxFetchEntries, c.at, uint32(want))
	if err != nil {
		return err
	}
	if c.exact && m.Entries[0].Version != c.next {
		return destroyed(c.next)
	}
	c.page, c.body, c.more, c.exact = m.Entries, body, m.More, false
	for i := range c.page {
		if e := &c.page[i].Entry; c.belongs(e) && c.seen.Newest.Less(e.Version) { // some are read twice
			c.seen.Count++
			c.seen.Sum = c.seen.Sum.Add(e.Sum())
			c.seen.Newest = e.Version
		}
	}
	return nil
}

func destroyed(v foci.Version) error {
	return foci.Errorf(foci.Gone, "version %v was destroyed meanwhile", v)
}

// fetch reads from one of the groups that hold the object.
func (c *content) fetch(ctx context.Context, from, to foci.Version, limit, offset, bytes uint32) (*wire.FetchReply, []byte, error) {
	cfg, err := c.s.config(ctx, c.name, c.id, foci.Quorum)
	if err != nil {
		return nil, nil, err
	}
	cfg.Hedge = max(cfg.Hedge, bulkHedge)
	if c.known != nil { // what comes is compared, so any group may be asked
		cfg.Plan.Groups = rotated(cfg.Plan.Groups, c.passed)
	} else {
		cfg.Plan.Groups = holdersFirst(c.found.Holders, cfg.Plan.Groups)
	}
	m := quorum.NewAny(cfg, wire.Fetch{ID: c.id, From: from, To: to, Limit: limit, Offset: offset, MaxBytes: bytes})
	c.s.run(ctx, m, c.s.op(c.id, wire.ObjectScope(c.name), c.name.Bucket, foci.Bulk, cfg.Deadline))
	rep, body, err := m.Result()
	if err = givenUp(ctx, err); err != nil {
		if foci.KindOf(err) == foci.NotFound {
			err = destroyed(from)
		}
		return nil, nil, err
	}
	return rep, body, nil
}

// holdersFirst selects the groups that certainly hold the whole log, if any: another
// group may lack an append without knowing it.
func holdersFirst(holders, all []foci.Group) []foci.Group {
	if len(holders) > 0 {
		return holders
	}
	return all
}

// Read implements [io.Reader]. It fails with Gone when the content was destroyed
// meanwhile; the bytes read before are correct.
func (c *content) Read(p []byte) (int, error) {
	for len(c.now) == 0 && c.err == nil {
		c.err = c.advance()
	}
	if len(c.now) == 0 {
		return 0, c.err
	}
	n := copy(p, c.now)
	c.now = c.now[n:]
	return n, nil
}

// WriteTo writes the rest of the content to w.
func (c *content) WriteTo(w io.Writer) (n int64, err error) {
	for {
		for len(c.now) == 0 && c.err == nil {
			c.err = c.advance()
		}
		if len(c.now) == 0 {
			if c.err == io.EOF {
				return n, nil
			}
			return n, c.err
		}
		k, err := w.Write(c.now)
		n += int64(k)
		c.now = c.now[k:]
		if err != nil {
			return n, err
		}
	}
}

// Close ends the read; it never fails.
func (c *content) Close() error {
	if c.end != nil {
		c.end()
	}
	c.err, c.now = errObjectClosed, nil
	return nil
}

// advance gets the next piece. When the context has ended it fails, even if there is
// one: a closed object gives nothing.
func (c *content) advance() error {
	if c.ctx.Err() != nil {
		return c.givenUp()
	}
	err := c.await()
	if kind := foci.KindOf(err); err != nil && c.ctx.Err() != nil && (kind == foci.Canceled || kind == foci.NoQuorum) {
		return c.givenUp()
	}
	return err
}

// givenUp is the error of reading after the end of the context.
func (c *content) givenUp() error {
	why := context.Cause(c.ctx)
	if why == errObjectClosed {
		return why
	}
	return foci.Errorf(foci.Canceled, "reading was given up: %w", why)
}

// await waits for the next piece and begins to fetch those after it.
func (c *content) await() error {
	if err := c.plan(); err != nil {
		return err
	}
	if len(c.ahead) == 0 {
		switch {
		case c.left > 0:
			return foci.Errorf(foci.Gone, "the content ends %d bytes early", c.left)
		case !c.found.Inline && c.known == nil && !c.more && !c.whole():
			return foci.Errorf(foci.Gone, "an append was ordered below the end while it was read: read it again")
		}
		return io.EOF
	}
	select {
	case p := <-c.ahead[0].part:
		c.ahead[0].forget()
		c.ahead = c.ahead[1:]
		c.now = p.b
		return p.err
	case <-c.ctx.Done():
		return c.givenUp()
	}
}

// plan begins to fetch pieces until aheadWindow are being fetched. Reading a page of
// the log blocks, so plan does so only when no piece is being fetched.
func (c *content) plan() error {
	for c.left > 0 && len(c.ahead) < aheadWindow {
		switch {
		case len(c.head) > 0:
			c.nextChunk()
		case len(c.page) > 0:
			if err := c.nextEntry(); err != nil {
				return err
			}
		case !c.more || len(c.ahead) > 0:
			return nil
		default:
			if err := c.turn(); err != nil {
				return err
			}
			if len(c.page) == 0 {
				return foci.Errorf(foci.Gone, "the content ends %d bytes early", c.left)
			}
		}
	}
	return nil
}

// nextEntry plans the next entry of the page.
func (c *content) nextEntry() error {
	e := &c.page[0]
	data := c.body[:min(int(e.Bytes), len(c.body))]
	size := int64(e.Size)
	missing := e.Length - c.at - e.Bytes // of the payload
	switch {
	case !c.belongs(&e.Entry), e.Op == record.OpRemove, c.at == 0 && c.skip >= size:
		if c.belongs(&e.Entry) {
			c.skip -= size
		}
		c.done(e, len(data))
	case e.Manifest && int(e.Length) > record.MaxHead:
		return foci.Errorf(foci.Corrupt, "version %v: a head of %d bytes, want at most %d", e.Version, e.Length, record.MaxHead)
	case e.Manifest && missing > 0 && c.asked == e.Version:
		return foci.Errorf(foci.Corrupt, "version %v: %d bytes of its head are missing", e.Version, missing)
	case e.Manifest && missing > 0:
		c.restartAt(e.Version, 0) // the whole of it is needed
		c.least, c.asked = e.Length, e.Version
	case e.Manifest:
		if err := c.openHead(e, data); err != nil {
			return err
		}
		c.done(e, len(data))
	case c.skip >= int64(len(data)) && missing > 0:
		c.at += uint32(c.skip)
		c.skip = 0
		c.restartAt(e.Version, c.at) // read from where it is wanted
	default:
		c.deliver(data[c.skip:])
		c.skip = 0
		if missing > 0 {
			c.restartAt(e.Version, c.at+e.Bytes)
			break
		}
		c.done(e, len(data))
	}
	return nil
}

// openHead seeks to the first wanted chunk of a head.
func (c *content) openHead(e *wire.FetchedEntry, data []byte) error {
	head, err := record.DecodeHead(data)
	if err != nil {
		return foci.Errorf(foci.Corrupt, "version %v: %w", e.Version, err)
	}
	if head.Size() != e.Size {
		return foci.Errorf(foci.Corrupt, "version %v: a head of %d bytes of content, its record says %d", e.Version, head.Size(), e.Size)
	}
	for uint64(c.skip) >= head[0].Size {
		c.skip -= int64(head[0].Size)
		head = head[1:]
	}
	c.chunk = int(c.skip / int64(head[0].Chunk))
	c.skip -= int64(c.chunk) * int64(head[0].Chunk)
	c.head = head
	return nil
}

// done ends an entry.
func (c *content) done(e *wire.FetchedEntry, bytes int) {
	if c.known != nil && c.known.expects(&e.Entry) {
		c.known.rest = c.known.rest[1:]
	}
	c.next, c.at = e.Version.Next(), 0
	c.body = c.body[bytes:]
	c.page = c.page[1:]
}

// restartAt discards the page and continues the log from version v, byte at.
func (c *content) restartAt(v foci.Version, at uint32) {
	c.next, c.at, c.exact = v, at, true
	c.page, c.body, c.more = []wire.FetchedEntry{}, nil, true
}

// deliver queues bytes that are already in memory.
func (c *content) deliver(b []byte) {
	b = b[:min(int64(len(b)), c.left)]
	c.left -= int64(len(b))
	ready := make(chan part, 1)
	ready <- part{b: b}
	c.ahead = append(c.ahead, fetching{ready, func() bool { return true }})
}

// nextChunk begins to fetch the next chunk of the head.
func (c *content) nextChunk() {
	m := &c.head[0]
	want := min(int64(m.ChunkLen(c.chunk))-c.skip, c.left)
	c.ahead = append(c.ahead, c.fetchChunk(m, c.chunk, uint32(c.skip), uint32(want)))
	c.left -= want
	c.skip = 0
	if c.chunk++; c.chunk == m.Chunks() {
		c.head, c.chunk = c.head[1:], 0
	}
}

// fetchChunk begins to fetch a part of one chunk.
func (c *content) fetchChunk(m *record.Manifest, index int, offset, length uint32) fetching {
	come := make(chan part, 1)
	id, want := foci.ChunkID(c.name.Bucket, m.Upload, uint32(index)), m.Version
	cfg, err := c.s.config(c.ctx, c.name, id, foci.Quorum)
	if err != nil {
		come <- part{err: err}
		return fetching{come, func() bool { return true }}
	}
	cfg.Hedge = max(cfg.Hedge, bulkHedge)
	y := quorum.NewAny(cfg, wire.Fetch{ID: id, From: want, To: want, Limit: 1, Offset: offset, MaxBytes: length})
	op := c.s.op(id, wire.ChunkScope(c.name.Bucket, m.Upload, uint32(index)), c.name.Bucket, foci.Bulk, cfg.Deadline)
	op.Trace = traceOf(c.ctx)
	op.Done = func() {
		rep, body, err := y.Result()
		switch {
		case foci.KindOf(err) == foci.NotFound && err != nil:
			err = foci.Errorf(foci.Gone, "chunk %d is in no group", index)
		case err == nil && (rep.Entries[0].Version != want || len(body) != int(length)):
			err = foci.Errorf(foci.Corrupt, "chunk %d: %d bytes of version %v came, %d of %v were asked for", index, len(body), rep.Entries[0].Version, length, want)
		}
		come <- part{b: body, err: err}
	}
	return fetching{come, context.AfterFunc(c.ctx, c.s.client.peer.Run(y, op))}
}
