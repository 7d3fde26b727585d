package client

import (
	"context"
	"iter"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// ListOptions choose the keys of a bucket; the zero value is all of them.
type ListOptions struct {
	// Prefix selects keys that begin with it. Empty: all.
	Prefix string
	// Delimiter groups keys, as folders do: keys that are equal up to its first
	// occurrence after Prefix make one item. Empty: each key is an item.
	Delimiter string
	// After selects the keys above it: a key, or with Delimiter a common prefix, which
	// stands for all of its keys. It need not exist. A common prefix below After is an
	// item, as in S3, if a key above After begins with it: "a/" after "a/1", if there
	// is "a/2". Empty: from the beginning.
	After string
	// Limit is the maximum of items. Zero: all; of ListPage 1,000.
	Limit int
	// Removed includes removed keys while nodes keep their tombstones: at least 24
	// hours.
	Removed bool
}

// Item is a key, or the common prefix of several keys.
type Item struct {
	Key      string
	Prefix   bool         // Key is a common prefix; all fields below are zero
	Removed  bool         // Version is a remove; there is no content
	Size     int64        // bytes of content
	Version  foci.Version // the newest of the key
	Modified time.Time    // the time of Version
}

// Page is a part of a list.
type Page struct {
	Items []Item
	// Next is After for the next page. Empty: this is the last one.
	Next string
}

// pageLimit is the default limit of items of a page.
const pageLimit = 1000

// ListPage lists the first keys above o.After, at most o.Limit. A key written between
// two calls is on the next page if it belongs there. ListPage fails as List does.
func (s *Session) ListPage(ctx context.Context, bucket string, o ListOptions) (Page, error) {
	limit := o.Limit
	if limit <= 0 {
		limit = pageLimit
	}
	o.Limit = limit + 1
	var p Page
	for item, err := range s.List(ctx, bucket, o) {
		if err != nil {
			return Page{}, err
		}
		if len(p.Items) == limit {
			p.Next = p.Items[limit-1].Key
			break
		}
		p.Items = append(p.Items, item)
	}
	return p, nil
}

// List yields the keys of a bucket in byte order, page by page. A page has every
// write that was complete before the page was read. When no quorum of groups answers,
// List yields an error last: it never ends early without one.
func (s *Session) List(ctx context.Context, bucket string, o ListOptions) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		if err := foci.ValidateBucket(bucket); err != nil {
			yield(Item{}, err)
			return
		}
		if len(o.Prefix) > foci.MaxKeyLen {
			yield(Item{}, foci.Errorf(foci.Invalid, "prefix of %d bytes, keys have at most %d", len(o.Prefix), foci.MaxKeyLen))
			return
		}
		o.After = o.After[:min(len(o.After), foci.MaxKeyLen)]
		l := listing{s: s, ctx: ctx, bucket: bucket, o: o}
		if err := l.run(yield); err != nil {
			yield(Item{}, &foci.Error{Kind: foci.KindOf(err), Op: "list", Where: bucket, Msg: err.Error(), Err: foci.Cause(err)})
		}
	}
}

type listing struct {
	s      *Session
	ctx    context.Context
	bucket string
	o      ListOptions
	count  int
}

// run yields page after page; it returns nil when yield returns false.
func (l *listing) run(yield func(Item, error) bool) error {
	at := l.o.After
	if key, ok := l.folded(at); ok && key == at {
		at = lastWith(at)
	}
	for {
		entries, more, err := l.page(at)
		if err != nil {
			return err
		}
		skipped := false
		for i := range entries {
			e := &entries[i]
			at = e.Key
			item, shown, err := l.item(e)
			if err != nil {
				return err
			}
			if !shown {
				continue
			}
			if !yield(item, nil) {
				return nil
			}
			if l.count++; l.count == l.o.Limit {
				return nil
			}
			if item.Prefix {
				at, skipped = lastWith(item.Key), true
				break
			}
		}
		if !more && !skipped {
			return nil
		}
	}
}

// item makes the item of a key; false for a removed key, unless the options include
// those.
func (l *listing) item(e *quorum.Entry) (Item, bool, error) {
	vote := e.Vote
	if !e.Settled {
		found, err := l.s.resolve(l.ctx, foci.Name{Bucket: l.bucket, Key: e.Key}, foci.Version{})
		if err != nil && foci.KindOf(err) != foci.NotFound {
			return Item{}, false, err
		}
		vote = found.Vote
	}
	removed := !vote.Exists()
	if removed && (!l.o.Removed || vote.BaseOp != record.OpRemove) {
		return Item{}, false, nil
	}
	if key, ok := l.folded(e.Key); ok {
		return Item{Key: key, Prefix: true}, true, nil
	}
	v := vote.Newest
	return Item{Key: e.Key, Removed: removed, Size: int64(vote.Size), Version: v, Modified: time.Unix(0, v.Time)}, true, nil
}

// folded is the common prefix that stands for a key; false: the key is an item.
func (l *listing) folded(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, l.o.Prefix)
	if !ok || l.o.Delimiter == "" {
		return "", false
	}
	i := strings.Index(rest, l.o.Delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(l.o.Prefix)+i+len(l.o.Delimiter)], true
}

// lastWith is above every key with the prefix and below all larger keys.
func lastWith(prefix string) string {
	const highest = "\U0010ffff"
	room := foci.MaxKeyLen - len(prefix)
	return prefix + strings.Repeat(highest, room/len(highest)) + [...]string{"", "\x7f", "\u07ff", "\uffff"}[room%len(highest)]
}

// page is the next page, by the newest layout that a node reports.
func (l *listing) page(at string) ([]quorum.Entry, bool, error) {
	if l.ctx.Err() != nil {
		return nil, false, canceled(context.Cause(l.ctx))
	}
	deadline := l.s.deadline(l.ctx)
	for {
		entries, more, stale, err := l.ask(at, deadline)
		if stale == 0 {
			return entries, more, givenUp(l.ctx, err)
		}
		if err := l.s.client.peer.AwaitLayout(l.ctx, stale, deadline); err != nil {
			return nil, false, err
		}
	}
}

// ask asks all backends of the bucket's groups for their next keys and merges the
// answers of a quorum of groups. stale is the epoch of a node that has a newer layout.
func (l *listing) ask(at string, deadline time.Duration) (entries []quorum.Entry, more bool, stale foci.Epoch, err error) {
	snap := l.s.client.layout.Load()
	groups := snap.GroupsOf(l.bucket)
	need := l.s.opts.Read.Need(len(groups))
	ctx, enough := context.WithCancel(l.ctx)
	defer enough()
	type answer struct {
		group foci.Group
		pages []quorum.Page
		err   error
	}
	answers := make(chan answer, len(groups))
	for _, g := range groups {
		go func() {
			ps, err := l.group(ctx, snap, g, at, deadline)
			answers <- answer{g, ps, err}
		}()
	}
	var pages []quorum.Page
	got := 0
	var asked foci.Replicas
	for range groups {
		a := <-answers
		asked = append(asked, foci.Replica{Group: a.group, Err: a.err})
		if a.err != nil {
			stale = max(stale, peer.StaleEpoch(a.err))
			continue
		}
		pages = append(pages, a.pages...)
		if got++; got == need {
			entries, more = quorum.MergeList(pages, need)
			return entries, more, 0, nil
		}
	}
	return nil, false, stale, tooFew(got, need, "keys", asked)
}

// group asks all backends of a group.
func (l *listing) group(ctx context.Context, snap *layout.Snapshot, g foci.Group, at string, deadline time.Duration) ([]quorum.Page, error) {
	var backends []foci.BackendID
	for i := range snap.Backends {
		if snap.Backends[i].Group == g {
			backends = append(backends, snap.Backends[i].ID)
		}
	}
	pages := make([]quorum.Page, len(backends))
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(16)
	for i, id := range backends {
		eg.Go(func() error {
			m, _, err := l.s.client.peer.Call(ctx, &wire.List{
				Target: wire.Target{Epoch: snap.Epoch, Group: g, Backend: id},
				Bucket: l.bucket, Prefix: l.o.Prefix, After: at,
			}, foci.Reg, deadline)
			if err != nil {
				return err
			}
			rep := m.(*wire.ListReply)
			if err := checkListed(rep, snap.Epoch, l.o.Prefix, at); err != nil {
				return foci.Errorf(foci.Protocol, "group %d: %w", g, err)
			}
			pages[i] = quorum.Page{Group: g, Keys: rep.Keys, More: rep.More}
			return nil
		})
	}
	return pages, eg.Wait()
}

// checkListed validates a page: keys that do not ascend from the requested one would
// make the listing loop.
func checkListed(m *wire.ListReply, epoch foci.Epoch, prefix, after string) error {
	if m.Epoch != epoch {
		return foci.Errorf(foci.Protocol, "keys of epoch %d, asked for by epoch %d", m.Epoch, epoch)
	}
	if m.More && len(m.Keys) == 0 {
		return foci.Errorf(foci.Protocol, "an empty page of keys, and more to come")
	}
	for i := range m.Keys {
		k := m.Keys[i].Key
		if k <= after || !strings.HasPrefix(k, prefix) {
			return foci.Errorf(foci.Protocol, "key %q was not asked for, or is out of order", foci.Clip(k))
		}
		if err := foci.ValidateKey(k); err != nil {
			return err
		}
		after = k
	}
	return nil
}
