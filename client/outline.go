package client

import (
	"slices"
	"sort"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// outline summarizes the log of an open object: a few numbers for each span of up to
// wire.MaxFetchEntries transactions, and the page of one span.
type outline struct {
	spans []span // in order; fixed once the object is open

	mu   sync.Mutex
	kept int      // the span of page; mu guards both
	page *logPage // nil: none
}

// span is a piece of the log that one request can fetch.
type span struct {
	from, to foci.Version // its first and last transaction
	offset   int64        // of its content in the object's
	vote     record.Vote  // count, sum and size of its transactions
}

// logPage is a span as it was fetched, with little or no payload.
type logPage struct {
	entries []wire.FetchedEntry
	body    []byte
}

// spanOf summarizes entries; only those of the resolved content count.
func spanOf(c *content, entries []wire.FetchedEntry, offset int64) span {
	s := span{from: entries[0].Version, to: entries[len(entries)-1].Version, offset: offset}
	for i := range entries {
		if e := &entries[i].Entry; c.counts(e) {
			s.vote.Count++
			s.vote.Size += e.Size
			s.vote.Sum = s.vote.Sum.Add(e.Sum())
		}
	}
	return s
}

// find is the span in which the content at an offset begins.
func (o *outline) find(off int64) int {
	return max(sort.Search(len(o.spans), func(i int) bool { return o.spans[i].offset > off })-1, 0)
}

// keep caches the page of a span in place of the last one, without a large body.
func (o *outline) keep(at int, entries []wire.FetchedEntry, body []byte) {
	if len(body) > max(firstPage, record.MaxHead) {
		entries, body = slices.Clone(entries), nil
		for i := range entries {
			entries[i].Bytes = 0
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept, o.page = at, &logPage{entries, body}
}

func (o *outline) pageOf(at int) *logPage {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.page != nil && o.kept == at {
		return o.page
	}
	return nil
}

// known is the position of a reader in the outline.
type known struct {
	log  *outline
	next int            // the span that follows rest
	rest []record.Entry // of the span that is being read, in order; the first is expected next
}

// expects reports whether e is the next entry of the content: an append that was added
// since the object was opened is not.
func (k *known) expects(e *record.Entry) bool {
	return len(k.rest) > 0 && k.rest[0].Version == e.Version
}

// turnKnown reads the next page of a log with an outline, from a group that lacks
// none of it.
func (c *content) turnKnown(want uint32) error {
	k := c.known
	for try := 0; ; try++ {
		ok, err := c.turnAt(k, want)
		if ok || err != nil {
			return err
		}
		if try >= len(c.s.client.layout.Load().GroupsOf(c.name.Bucket)) {
			return foci.Errorf(foci.Gone, "a part of version %v was destroyed, or an append was ordered below its end", c.found.Vote.Newest)
		}
		c.passed++
	}
}

// turnAt reads the rest of a span, or the next one. It reports whether the page has
// the expected entries.
func (c *content) turnAt(k *known, want uint32) (bool, error) {
	if len(k.rest) > 0 {
		s := &k.log.spans[k.next-1]
		m, body, err := c.fetch(c.ctx, k.rest[0].Version, s.to, wire.MaxFetchEntries, c.at, want)
		if err != nil {
			return false, err
		}
		matched := k.match(m.Entries)
		c.page, c.body, c.more = m.Entries, body, matched < len(k.rest) || k.next < len(k.log.spans)
		return matched > 0, nil
	}
	if k.next == len(k.log.spans) {
		return false, foci.Errorf(foci.Gone, "the content ends %d bytes early", c.left)
	}
	s := &k.log.spans[k.next]
	page := k.log.pageOf(k.next)
	if page == nil {
		m, body, err := c.fetch(c.ctx, s.from, s.to, wire.MaxFetchEntries, 0, want)
		if err != nil {
			return false, err
		}
		if is := spanOf(c, m.Entries, s.offset); m.More || is.vote != s.vote {
			return false, nil
		}
		page = &logPage{m.Entries, body}
		k.log.keep(k.next, m.Entries, body)
	}
	for i := range page.entries {
		if e := &page.entries[i].Entry; c.counts(e) {
			k.rest = append(k.rest, *e)
		}
	}
	k.next++
	c.page, c.body, c.more = page.entries, page.body, k.next < len(k.log.spans)
	return true, nil
}

// match is how many of the expected entries a page begins with, 0 if one is missing.
func (k *known) match(page []wire.FetchedEntry) (matched int) {
	for i := range page {
		if matched == len(k.rest) {
			return matched
		}
		switch c := page[i].Version.Compare(k.rest[matched].Version); {
		case c == 0:
			matched++
		case c > 0:
			return 0
		}
	}
	return matched
}
