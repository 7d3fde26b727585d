package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// Compare says how the store differs from the model, in anything that its
// methods can show; nil when it does not.
func Compare(s Store, m *Model) error {
	seen := make(map[foci.ID]bool)
	var last foci.ID
	var failed error
	err := s.Scan(foci.ID{}, highest(), func(id foci.ID, v record.Vote) bool {
		switch {
		case m.Logs[id] == nil:
			failed = fmt.Errorf("scan shows %s, which nobody stored", id.Short())
		case len(seen) > 0 && bytes.Compare(last[:], id[:]) >= 0:
			failed = fmt.Errorf("scan is out of order at %s", id.Short())
		case v != m.Logs[id].Vote():
			failed = fmt.Errorf("scan of %s: vote %+v, want %+v", id.Short(), v, m.Logs[id].Vote())
		}
		seen[id], last = true, id
		return failed == nil
	})
	if err = cmp.Or(failed, err); err != nil {
		return err
	}
	if len(seen) != len(m.Logs) {
		return fmt.Errorf("scan shows %d objects, want %d", len(seen), len(m.Logs))
	}
	for id := range m.Logs {
		if err := CompareObject(s, m, id); err != nil {
			return err
		}
	}
	return compareLists(s, m)
}

func highest() (id foci.ID) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}

// CompareObject says how the store's object differs from the model's.
func CompareObject(s Store, m *Model, id foci.ID) error {
	log := m.Logs[id]
	want := log.From(foci.Version{})
	vote, inline, err := s.Query(id, wire.MaxInline)
	if err != nil {
		return err
	}
	if vote != log.Vote() {
		return fmt.Errorf("query of %s: vote %+v, want %+v", id.Short(), vote, log.Vote())
	}
	base, ok := log.Get(vote.Base)
	one := ok && vote.Count == 1 && base.Op != record.OpRemove && base.Length <= wire.MaxInline
	if one != (inline != nil) {
		return fmt.Errorf("query of %s: content inline %v, want %v", id.Short(), inline != nil, one)
	}
	if one {
		if err := same(inline, &base); err != nil {
			return fmt.Errorf("query of %s: %w", id.Short(), err)
		}
	}
	var got []wire.FetchedEntry
	var body []byte
	f := &wire.Fetch{ID: id, MaxBytes: foci.MaxPayload}
	for {
		rep, b, err := s.Fetch(f, nil)
		if err != nil {
			return err
		}
		n := 0
		for ; n < len(rep.Entries) && rep.Entries[n].Bytes == rep.Entries[n].Length; n++ {
		}
		got, body = append(got, rep.Entries[:n]...), append(body, b...)
		if n == len(rep.Entries) && !rep.More {
			break
		}
		if n == 0 {
			return fmt.Errorf("fetch of %s: no progress at %v", id.Short(), f.From)
		}
		f.From = got[len(got)-1].Version.Next()
	}
	return compareLog(s, id, got, body, want)
}

func compareLog(s Store, id foci.ID, got []wire.FetchedEntry, body []byte, want []record.Record) error {
	if len(got) != len(want) {
		return fmt.Errorf("fetch of %s: %d entries, want %d", id.Short(), len(got), len(want))
	}
	for i := range want {
		r := record.Record{Entry: got[i].Entry, ID: id, Name: want[i].Name, Meta: got[i].Meta, Payload: body[:got[i].Bytes]}
		body = body[got[i].Bytes:]
		if err := same(&r, &want[i]); err != nil {
			return fmt.Errorf("fetch of %s: %w", id.Short(), err)
		}
		state, err := s.Have(id, want[i].Version, want[i].Hash)
		if err != nil || state != wire.HaveStored {
			return fmt.Errorf("have %s %v: %v, %v", id.Short(), want[i].Version, state, err)
		}
	}
	return nil
}

func same(got, want *record.Record) error {
	switch {
	case got.Entry != want.Entry || got.ID != want.ID || got.Name != want.Name:
		return fmt.Errorf("record %+v of %v, want %+v of %v", got.Entry, got.Name, want.Entry, want.Name)
	case !bytes.Equal(got.Meta, want.Meta):
		return fmt.Errorf("record %v: metadata %q, want %q", want.Version, got.Meta, want.Meta)
	case !bytes.Equal(got.Payload, want.Payload):
		return fmt.Errorf("record %v: wrong payload", want.Version)
	}
	return nil
}

func compareLists(s Store, m *Model) error {
	byBucket := make(map[string][]foci.Name)
	for _, n := range m.Name {
		byBucket[n.Bucket] = append(byBucket[n.Bucket], n)
	}
	for bucket, want := range byBucket {
		slices.SortFunc(want, func(a, b foci.Name) int { return cmp.Compare(a.Key, b.Key) })
		l := &wire.List{Bucket: bucket, Limit: 7}
		for {
			rep, err := s.List(l)
			if err != nil {
				return err
			}
			for _, k := range rep.Keys {
				if len(want) == 0 || want[0].Key != k.Key {
					return fmt.Errorf("list of %s shows %q, want %v", bucket, k.Key, want)
				}
				if v := m.Logs[foci.ObjectID(want[0])].Vote(); k.Vote != v {
					return fmt.Errorf("list of %s: vote on %q %+v, want %+v", bucket, k.Key, k.Vote, v)
				}
				want, l.After = want[1:], k.Key
			}
			if !rep.More {
				break
			}
		}
		if len(want) > 0 {
			return fmt.Errorf("list of %s lacks %v", bucket, want)
		}
	}
	return nil
}
