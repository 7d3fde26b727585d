package client

import (
	"context"
	"iter"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/peer"
)

// Op is what a transaction did to its object.
type Op uint8

// The operations. A put or a remove replaces all transactions before it.
const (
	OpPut    = Op(record.OpPut)
	OpAppend = Op(record.OpAppend)
	OpRemove = Op(record.OpRemove)
)

// String is the name used in output.
func (o Op) String() string { return record.Op(o).String() }

// MarshalText makes operations readable in JSON.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// HistoryEntry is one transaction of an object.
type HistoryEntry struct {
	Version foci.Version `json:"version"`
	Op      Op           `json:"op"`
	Size    int64        `json:"size"` // bytes of content
	sum     record.Hash
}

// History yields the transactions of an object, the oldest first: the union of the
// logs of a quorum of groups. It yields nothing for an object that never existed.
// When it fails it yields the error last.
func (s *Session) History(ctx context.Context, n foci.Name) iter.Seq2[HistoryEntry, error] {
	return func(yield func(HistoryEntry, error) bool) {
		if err := n.Validate(); err != nil {
			yield(HistoryEntry{}, err)
			return
		}
		h := history{s: s, ctx: ctx, id: foci.ObjectID(n), scope: wire.ObjectScope(n)}
		if err := h.open(n); err != nil {
			yield(HistoryEntry{}, about("history", n, err))
			return
		}
		for {
			e, ok, err := h.next()
			if err != nil {
				yield(HistoryEntry{}, about("history", n, err))
				return
			}
			if !ok || !yield(HistoryEntry{Version: e.Version, Op: Op(e.Op), Size: int64(e.Size), sum: e.Sum()}, nil) {
				return
			}
		}
	}
}

// history merges the logs of a quorum of groups.
type history struct {
	s     *Session
	ctx   context.Context
	id    foci.ID
	scope wire.Scope
	logs  []log
}

// log reads the log of one group page by page.
type log struct {
	group foci.Group
	page  []wire.FetchedEntry
	next  foci.Version
	more  bool
	err   error // of the first page
}

// open reads the first pages, by the newest layout that a node reports.
func (h *history) open(n foci.Name) error {
	deadline := h.s.deadline(h.ctx)
	for {
		stale, err := h.ask(n)
		if stale == 0 {
			return givenUp(h.ctx, err)
		}
		if err := h.s.client.peer.AwaitLayout(h.ctx, stale, deadline); err != nil {
			return err
		}
	}
}

// ask reads the first pages of a quorum of groups. stale is the epoch of a node that
// has a newer layout.
func (h *history) ask(n foci.Name) (stale foci.Epoch, err error) {
	h.logs = nil
	cfg, err := h.s.config(h.ctx, n, h.id, foci.Quorum)
	if err != nil {
		return 0, err
	}
	need := foci.Quorum.Need(len(cfg.Plan.Groups))
	ctx, enough := context.WithCancel(h.ctx)
	defer enough()
	answers := make(chan log, len(cfg.Plan.Groups))
	for _, g := range cfg.Plan.Groups {
		go func() {
			l := log{group: g, more: true}
			l.err = h.turn(ctx, &l)
			answers <- l
		}()
	}
	var asked foci.Replicas
	for range cfg.Plan.Groups {
		l := <-answers
		asked = append(asked, foci.Replica{Group: l.group, Err: l.err})
		if l.err != nil {
			stale = max(stale, peer.StaleEpoch(l.err))
			continue
		}
		if h.logs = append(h.logs, l); len(h.logs) == need {
			return 0, nil
		}
	}
	return stale, tooFew(len(h.logs), need, "log", asked)
}

// turn reads the next page of a log.
func (h *history) turn(ctx context.Context, l *log) error {
	f := &wire.Fetch{Target: wire.Target{Epoch: h.s.client.layout.Epoch(), Group: l.group}, ID: h.id, From: l.next, Limit: wire.MaxFetchEntries, Scope: h.scope}
	m, _, err := h.s.client.peer.Call(ctx, f, foci.Reg, h.s.deadline(ctx))
	if err != nil {
		return err
	}
	rep := m.(*wire.FetchReply)
	if rep.More && len(rep.Entries) == 0 {
		return foci.Errorf(foci.Protocol, "group %d: an empty page of its log", l.group)
	}
	l.page, l.more = rep.Entries, rep.More
	if len(l.page) > 0 {
		l.next = l.page[len(l.page)-1].Version.Next()
	}
	return nil
}

// next is the oldest entry not yet yielded.
func (h *history) next() (record.Entry, bool, error) {
	var first *record.Entry
	for i := range h.logs {
		l := &h.logs[i]
		if len(l.page) == 0 && l.more {
			if err := h.turn(h.ctx, l); err != nil {
				return record.Entry{}, false, err
			}
		}
		if len(l.page) > 0 && (first == nil || l.page[0].Version.Less(first.Version)) {
			first = &l.page[0].Entry
		}
	}
	if first == nil {
		return record.Entry{}, false, nil
	}
	e := *first
	for i := range h.logs {
		if l := &h.logs[i]; len(l.page) > 0 && l.page[0].Version == e.Version {
			l.page = l.page[1:]
		}
	}
	return e, true, nil
}
