package operation

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/txn"
	"github.com/foci-store/foci/internal/device/mesh"
)

// said is an error that a node answered.
func said(kind foci.Kind) error { return &foci.Error{Kind: kind, Err: &mesh.PeerError{}} }

// TestFailureOfAnAttempt: only an attempt that a channel had accepted can have
// reached the replica, and only what the replica said is its refusal.
func TestFailureOfAnAttempt(t *testing.T) {
	for _, c := range []struct {
		err  error
		sent bool
		want txn.Fate
	}{
		{foci.Errorf(foci.Unreachable, "no channel"), false, txn.NotSent},
		{foci.Errorf(foci.Closed, "the link was removed"), false, txn.NotSent},
		{foci.Errorf(foci.Busy, "too many requests wait for a channel"), false, txn.NotSent},
		{foci.Errorf(foci.Canceled, "no longer wanted"), false, txn.NotSent},
		{foci.Errorf(foci.Unreachable, "the channel was lost"), true, txn.Lost},
		{foci.Errorf(foci.Busy, "the answer was damaged"), true, txn.Lost},
		{foci.Errorf(foci.Closed, "the link was removed"), true, txn.Lost},
		{said(foci.Unreachable), true, txn.Refused},
		{said(foci.Busy), true, txn.Refused},
	} {
		if d := failure(c.err, c.sent); d.Fate != c.want || d.Err != c.err {
			t.Errorf("%v, sent %v: %v, want %v", foci.KindOf(c.err), c.sent, d.Fate, c.want)
		}
	}
}
