package quorum

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// maxCopies bounds the records, and so the payloads in memory, that one read copies at
// the same time.
const maxCopies = 4

// reconcile brings the voters of a read to the union of what they hold of the
// current content. Their logs are read side by side in version order, a page
// at a time, so that memory is bounded however many appends there are; what a
// voter lacks is fetched from one that has it and stored there.
//
// Comparing newest versions alone would not do: of two appends that overlap,
// the older one may be missing below the newer.
type reconcile struct {
	id      foci.ID
	to      foci.Version // nothing newer than the votes is looked at
	voters  []voter
	union   record.Vote
	pending map[Leg]errand
	copies  int
}

// voter is one group's log as it is read.
type voter struct {
	group     foci.Group
	watermark record.Watermark
	settled   bool // the watermark was known before anybody was asked for these votes
	page      []wire.FetchedEntry
	more      bool         // the log goes on behind page
	next      foci.Version // where the next page begins
	waiting   bool         // for a page
}

// transfer copies one record from a voter that has it to those that lack it.
type transfer struct {
	entry record.Entry
	from  foci.Group
	to    []int // voters that lack it
	open  int   // stores under way
}

// errand is the purpose of a leg: to fetch a page of a voter's log, to fetch the content
// of a transfer, or to store it.
type errand struct {
	page     bool
	voter    int
	transfer *transfer
	storing  bool
}

func newReconcile(o *op, id foci.ID, votes []vote, watermarks map[foci.Group]record.Watermark) *reconcile {
	o.begin()
	r := &reconcile{id: id, pending: map[Leg]errand{}}
	var from foci.Version
	for i := range votes {
		v := &votes[i].reply.Vote
		if from.Less(v.Base) {
			from = v.Base
		}
		if r.to.Less(v.Newest) {
			r.to = v.Newest
		}
	}
	for i := range votes {
		g, watermark := votes[i].group, votes[i].reply.Vote.Watermark
		known, ok := watermarks[g]
		r.voters = append(r.voters, voter{group: g, watermark: watermark, settled: ok && known == watermark, next: from, more: true})
	}
	r.filled(o)
	return r
}

// groups are the voters.
func (r *reconcile) groups() []foci.Group {
	var gs []foci.Group
	for i := range r.voters {
		gs = append(gs, r.voters[i].group)
	}
	return gs
}

// advance merges the pages and asks for the next ones. It reports whether everything is
// merged and stored.
func (r *reconcile) advance(o *op) (done bool, err error) {
	for r.filled(o) && r.copies < maxCopies {
		e, holders := r.smallest()
		if holders == nil {
			return r.copies == 0, nil
		}
		r.count(&e)
		if err := r.copyTo(o, &e, holders); err != nil {
			return false, err
		}
	}
	return false, nil
}

// filled asks for the next page of every log whose page is used up, and reports whether
// no page is awaited.
func (r *reconcile) filled(o *op) bool {
	all := true
	for i := range r.voters {
		v := &r.voters[i]
		if len(v.page) > 0 || !v.more {
			continue
		}
		all = false
		if v.waiting {
			continue
		}
		v.waiting = true
		leg := o.ask(v.group, &wire.Fetch{
			Target: wire.Target{Epoch: o.cfg.Plan.Epoch, Group: v.group},
			ID:     r.id, From: v.next, To: r.to, Limit: wire.MaxFetchEntries,
		})
		r.pending[leg] = errand{page: true, voter: i}
	}
	return all
}

// smallest removes the oldest entry from the pages and returns the voters that have it.
func (r *reconcile) smallest() (e record.Entry, holders []int) {
	for i := range r.voters {
		if p := r.voters[i].page; len(p) > 0 && (holders == nil || p[0].Version.Less(e.Version)) {
			e, holders = p[0].Entry, []int{i}
		} else if len(p) > 0 && p[0].Version == e.Version {
			holders = append(holders, i)
		}
	}
	for _, i := range holders {
		r.voters[i].page = r.voters[i].page[1:]
	}
	return e, holders
}

// count adds an entry, which is newer than all before it, to the union.
func (r *reconcile) count(e *record.Entry) {
	if e.Op.IsBase() {
		r.union = record.Vote{Base: e.Version, BaseOp: e.Op}
	}
	r.union.Count++
	r.union.Sum = r.union.Sum.Add(e.Sum())
	r.union.Size += e.Size
	r.union.Newest = e.Version
}

// copyTo fetches a record for the voters that lack it. A tombstone is no
// exception even at or below a voter's watermark: the watermark is of a range, so it
// does not say that the voter ever had this one.
//
// But the voter may have destroyed the record, after a tombstone that reached the holder
// only after the holder had voted. A record is destroyed only when its tombstone is at
// every replica; so votes after the watermark is known include the tombstone, and copyTo
// fails until then.
func (r *reconcile) copyTo(o *op, e *record.Entry, holders []int) error {
	t := &transfer{entry: *e}
	for i := range r.voters {
		v := &r.voters[i]
		if slices.Contains(holders, i) {
			continue
		}
		if !v.watermark.Version.Less(e.Version) && !v.settled && !o.cfg.Mutants.UnsettledWatermarks {
			return foci.Errorf(foci.BelowWatermark, "group %d lacks %v and may have destroyed it: the votes must be read again", v.group, e.Version)
		}
		t.to = append(t.to, i)
	}
	if len(t.to) == 0 {
		return nil // all have it
	}
	r.copies++
	g := r.voters[holders[0]].group
	t.from = g
	leg := o.ask(g, &wire.Fetch{
		Target: wire.Target{Epoch: o.cfg.Plan.Epoch, Group: g},
		ID:     r.id, From: e.Version, To: e.Version, Limit: 1, MaxBytes: foci.MaxPayload,
	})
	r.pending[leg] = errand{transfer: t}
	return nil
}

// answer ends a leg and reports whether everything is done. After an error the groups
// must vote again.
func (r *reconcile) answer(o *op, g foci.Group, leg Leg, a *Answer) (bool, error) {
	e, ok := r.pending[leg]
	delete(r.pending, leg)
	err := a.Err
	switch {
	case err != nil:
	case !ok:
		err = foci.Errorf(foci.Internal, "leg %d is unknown", leg)
	default:
		err = r.run(o, g, e, a)
	}
	done := false
	if err == nil {
		done, err = r.advance(o)
	}
	if err != nil {
		o.fail(g, a, err)
	}
	return done, err
}

// run processes the answer to an errand.
func (r *reconcile) run(o *op, g foci.Group, e errand, a *Answer) error {
	fetched, isFetch := a.Msg.(*wire.FetchReply)
	stored, isStore := a.Msg.(*wire.StoreReply)
	switch {
	case e.storing && isStore && stored.Epoch == o.cfg.Plan.Epoch:
		if e.transfer.open--; e.transfer.open == 0 {
			r.copies--
		}
		return nil
	case e.storing || !isFetch || fetched.Epoch != o.cfg.Plan.Epoch:
		return foci.Errorf(foci.Protocol, "group %d: an unexpected %T, or of another epoch than %d", g, a.Msg, o.cfg.Plan.Epoch)
	case e.page:
		return r.takePage(e.voter, fetched)
	}
	return r.storeCopies(o, e.transfer, fetched, a.Body)
}

// takePage validates and takes the next page of a voter's log. Versions must ascend, or
// a faulty replica could make the merge loop.
func (r *reconcile) takePage(i int, m *wire.FetchReply) error {
	v := &r.voters[i]
	v.waiting = false
	last := v.next
	for k := range m.Entries {
		e := &m.Entries[k]
		if e.Version.Less(last) || k > 0 && e.Version == last || r.to.Less(e.Version) {
			return foci.Errorf(foci.Protocol, "group %d: log out of order at %v", v.group, e.Version)
		}
		last = e.Version
	}
	if m.More && len(m.Entries) == 0 {
		return foci.Errorf(foci.Protocol, "group %d: a page of its log is empty", v.group)
	}
	v.page, v.more = m.Entries, m.More
	v.next = last.Next()
	return nil
}

// storeCopies sends a fetched record to the voters that lack it.
func (r *reconcile) storeCopies(o *op, t *transfer, m *wire.FetchReply, body []byte) error {
	if len(m.Entries) != 1 || m.Entries[0].Version != t.entry.Version || m.Entries[0].Bytes != t.entry.Length {
		return foci.Errorf(foci.Gone, "record %v was destroyed meanwhile", t.entry.Version)
	}
	rec := record.Record{Entry: t.entry, ID: r.id, Name: m.Name, Meta: m.Entries[0].Meta, Payload: body}
	if err := rec.Check(); err != nil {
		return err
	}
	for _, i := range t.to {
		v := &r.voters[i]
		leg := o.ask(v.group, &wire.Store{
			Target: wire.Target{Epoch: o.cfg.Plan.Epoch, Group: v.group},
			Seen:   t.entry.Version.Time, Repair: true, Watermark: v.watermark, Record: rec,
		})
		r.pending[leg] = errand{transfer: t, storing: true}
		t.open++
	}
	return nil
}

// mayNotStore reports whether an answer denies the write-back, and which group has the
// record.
func (r *reconcile) mayNotStore(leg Leg, a *Answer) (holder foci.Group, denied bool) {
	e, ok := r.pending[leg]
	if !ok || !e.storing || !isDenied(a.Err) {
		return 0, false
	}
	return e.transfer.from, true
}
