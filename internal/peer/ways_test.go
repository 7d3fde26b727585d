package peer

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh"
)

// said is an error that a node answered.
func said(node foci.NodeID, kind foci.Kind) error {
	return &foci.Error{Kind: kind, Err: &mesh.PeerError{Node: node}}
}

func TestHeard(t *testing.T) {
	via, owner := foci.NodeID{1}, foci.NodeID{2}
	for _, v := range []struct {
		err  error
		want route.Said
		kind foci.Kind
	}{
		{nil, route.HasWay, 0},
		{said(owner, foci.StaleLayout), route.HasWay, foci.StaleLayout},
		{said(owner, foci.NoRoute), route.HasWay, foci.NoRoute},
		{foci.Errorf(foci.Unreachable, "the channel was lost"), route.Nothing, foci.Unreachable},
		{said(via, foci.Busy), route.Nothing, foci.Busy},
		{said(via, foci.Unreachable), route.HasNoWay, foci.Unreachable},
		{said(via, foci.NoRoute), route.HasNoWay, foci.NoRoute},
		{said(via, foci.Denied), route.HasNoWay, foci.NoRoute},       // it was not passed on
		{said(via, foci.Internal), route.HasNoWay, foci.Unreachable}, // perhaps it was
	} {
		got, err := heard(via, v.err)
		if got != v.want || err != nil && foci.KindOf(err) != v.kind || (err == nil) != (v.err == nil) {
			t.Errorf("%v: %v, %v", v.err, got, err)
		}
	}
}
