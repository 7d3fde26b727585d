package quorum_test

import (
	"slices"
	"testing"

	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// TestMergeList: a key is settled when every group has it, and the same of it;
// two backends of one group are no two groups.
func TestMergeList(t *testing.T) {
	listed := func(sum byte, keys ...string) (l []wire.Listed) {
		for _, k := range keys {
			l = append(l, wire.Listed{Key: k, Vote: record.Vote{Count: 1, Sum: record.Hash{sum}}})
		}
		return l
	}
	type entry struct {
		key     string
		settled bool
	}
	for _, c := range []struct {
		name  string
		pages []quorum.Page
		want  []entry
		more  bool
	}{
		{"alike", []quorum.Page{{Group: 1, Keys: listed(1, "a", "b")}, {Group: 2, Keys: listed(1, "a", "b")}}, []entry{{"a", true}, {"b", true}}, false},
		{"one lacks it", []quorum.Page{{Group: 1, Keys: listed(1, "a")}, {Group: 2}}, []entry{{"a", false}}, false},
		{"they differ", []quorum.Page{{Group: 1, Keys: listed(1, "a")}, {Group: 2, Keys: listed(2, "a")}}, []entry{{"a", false}}, false},
		{"twice in one group", []quorum.Page{{Group: 1, Keys: listed(1, "a")}, {Group: 1, Keys: listed(1, "a")}, {Group: 2}}, []entry{{"a", false}}, false},
		{"twice in one, once in the other", []quorum.Page{
			{Group: 1, Keys: listed(1, "a")},
			{Group: 1, Keys: listed(1, "a")},
			{Group: 2, Keys: listed(1, "a")},
		}, []entry{{"a", true}}, false},
		{"no further than every page reaches", []quorum.Page{
			{Group: 1, Keys: listed(1, "a", "b"), More: true},
			{Group: 2, Keys: listed(1, "a", "b", "c"), More: true},
		}, []entry{{"a", true}, {"b", true}}, true},
	} {
		got, more := quorum.MergeList(c.pages, 2)
		var entries []entry
		for _, e := range got {
			entries = append(entries, entry{e.Key, e.Settled})
		}
		if !slices.Equal(entries, c.want) || more != c.more {
			t.Errorf("%s: %v, more %v", c.name, entries, more)
		}
	}
	if got, more := quorum.MergeList(nil, 2); len(got) > 0 || more {
		t.Error(got, more)
	}
}
