package client

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/foci-store/foci"
)

// tooFew is the error when fewer groups than are needed gave what they have. A
// replica that denies it is the reason by itself: the others will too.
func tooFew(got, need int, what string, groups foci.Replicas) error {
	if at := slices.IndexFunc(groups, func(r foci.Replica) bool { return r.Err != nil && foci.KindOf(r.Err) == foci.Denied }); at >= 0 {
		return groups[at].Err
	}
	slices.SortFunc(groups, func(a, b foci.Replica) int { return cmp.Compare(a.Group, b.Group) })
	return &foci.Error{
		Kind: foci.NoQuorum, Msg: fmt.Sprintf("%d of %d groups gave their %s, %d are needed", got, len(groups), what, need),
		Fix: "see foci nodes for what is down", Err: groups,
	}
}
