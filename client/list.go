package client

import (
	"context"
	"iter"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/peer"
)

// ListOptions choose the keys of a bucket; the zero value is all of them.
type ListOptions struct {
	Prefix    string
	Delimiter string // keys that have it behind the prefix are shown as one prefix
	After     string // keys after this one
	Limit     int    // 0 = all
}

// Item is a key, or a common prefix of several.
type Item struct {
	Key      string
	Prefix   bool
	Size     int64
	Version  foci.Version
	Modified time.Time
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

// item is what is shown of a key; nothing of one that was removed.
func (l *listing) item(e *quorum.Entry) (Item, bool, error) {
	if !e.Settled {
		info, err := l.s.Stat(l.ctx, foci.Name{Bucket: l.bucket, Key: e.Key})
		if foci.KindOf(err) == foci.NotFound && err != nil {
			return Item{}, false, nil
		}
		if err != nil {
			return Item{}, false, err
		}
		e.Vote.Size, e.Vote.Newest = uint64(info.Size), info.Version
	} else if !e.Vote.Exists() {
		return Item{}, false, nil
	}
	if d := l.o.Delimiter; d != "" {
		if i := strings.Index(e.Key[len(l.o.Prefix):], d); i >= 0 {
			return Item{Key: e.Key[:len(l.o.Prefix)+i+len(d)], Prefix: true}, true, nil
		}
	}
	v := e.Vote.Newest
	return Item{Key: e.Key, Size: int64(e.Vote.Size), Version: v, Modified: time.Unix(0, v.Time)}, true, nil
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
