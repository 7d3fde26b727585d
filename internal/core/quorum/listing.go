package quorum

import (
	"slices"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// Page is the answer of one backend to a List.
type Page struct {
	Group foci.Group
	Keys  []wire.Listed // in order
	More  bool
}

// Entry is one key of a merged listing.
type Entry struct {
	Key  string
	Vote record.Vote
	// Settled is false when the groups' votes differ: the object must be read.
	Settled bool
}

// MergeList merges the pages of all backends of groups groups, all asked for keys after
// the same one. The entries end at the first key after which a backend may have more,
// so that none is skipped; more is true then. A group without a key votes that the
// object does not exist.
func MergeList(pages []Page, groups int) (entries []Entry, more bool) {
	bound := ""
	for i := range pages {
		if p := &pages[i]; p.More && len(p.Keys) > 0 {
			last := p.Keys[len(p.Keys)-1].Key
			if !more || last < bound {
				bound = last
			}
			more = true
		}
	}
	type mention struct {
		wire.Listed
		group foci.Group
	}
	var all []mention
	for i := range pages {
		for _, k := range pages[i].Keys {
			if !more || k.Key <= bound {
				all = append(all, mention{k, pages[i].Group})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b mention) int { return strings.Compare(a.Key, b.Key) })
	for len(all) > 0 {
		n := 1
		same, voters := true, []foci.Group{all[0].group}
		for n < len(all) && all[n].Key == all[0].Key {
			same = same && all[n].Vote.Same(&all[0].Vote)
			if !slices.Contains(voters, all[n].group) {
				voters = append(voters, all[n].group)
			}
			n++
		}
		entries = append(entries, Entry{Key: all[0].Key, Vote: all[0].Vote, Settled: same && len(voters) == groups})
		all = all[n:]
	}
	return entries, more
}
