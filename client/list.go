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
	// Prefix is what the keys begin with. Empty: anything.
	Prefix string
	// Delimiter makes one item of all keys that are the same up to its first place
	// behind the prefix, as folders do. Empty: each key is an item.
	Delimiter string
	// After is the last item that is not wanted: a key, or with a delimiter the
	// common prefix of keys. It need not exist. Empty: from the beginning.
	After string
	// Limit is how many items there are at most. Zero: all; of a page 1,000.
	Limit int
	// Removed has removed keys listed, too, as long as they are remembered: at
	// least 24 hours.
	Removed bool
}

// Item is a key, or the common prefix of several, of which nothing else is known.
type Item struct {
	Key      string
	Prefix   bool
	Removed  bool         // Version removed it; it has no content
	Size     int64        // bytes of content
	Version  foci.Version // its newest
	Modified time.Time    // when that was
}

// Page is a part of a list.
type Page struct {
	Items []Item
	// Next is the After of the page that follows. Empty: there is none.
	Next string
}

// pageLimit is how many items a page has that does not say.
const pageLimit = 1000

// ListPage is the part of a list that Limit bounds. Keys that come while pages are
// read are on those that follow, if they belong there.
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

// List yields the keys of a bucket in order of their bytes. Every write that
// was complete before a page of it began is in it. It ends with an error, and
// never short, when a quorum of groups cannot be asked.
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

// run yields page after page; it returns nil when the consumer has enough.
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

// item is what is shown of a key; nothing of one that was removed, unless that is
// asked for.
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

// folded is the common prefix as which a key is shown; false when it is shown as
// itself.
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

// lastWith is behind every key with the prefix and before all others after it.
func lastWith(prefix string) string {
	const highest = "\U0010ffff"
	room := foci.MaxKeyLen - len(prefix)
	return prefix + strings.Repeat(highest, room/len(highest)) + [...]string{"", "\x7f", "\u07ff", "\uffff"}[room%len(highest)]
}

// page is the next page, by the newest layout that some node works by.
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

// ask asks all backends of the bucket's groups for their next keys and merges
// those of a quorum of groups. stale is the epoch of a node that works by a
// newer layout.
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

// checkListed refuses a page that is not what was asked for: keys that do not
// go upward from the one asked for would lead the listing in a circle.
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
