package peer

import (
	"testing"

	"github.com/foci-store/foci"
)

// TestFailureOfAnAttempt: only an attempt that a channel had accepted can have
// reached the replica, and only what the replica said is passed on as it is.
func TestFailureOfAnAttempt(t *testing.T) {
	for _, c := range []struct {
		err  error
		sent bool
		want foci.Kind
	}{
		{foci.Errorf(foci.Unreachable, "no channel"), false, foci.NoRoute},
		{foci.Errorf(foci.Closed, "the link was removed"), false, foci.NoRoute},
		{foci.Errorf(foci.Busy, "too many requests wait for a channel"), false, foci.Busy},
		{foci.Errorf(foci.Canceled, "no longer wanted"), false, foci.Canceled},
		{foci.Errorf(foci.Unreachable, "the channel was lost"), true, foci.Closed},
		{foci.Errorf(foci.Busy, "the answer was damaged"), true, foci.Closed},
		{foci.Errorf(foci.Closed, "the link was removed"), true, foci.Closed},
		{said(foci.NodeID{1}, foci.Unreachable), true, foci.Unreachable},
		{said(foci.NodeID{1}, foci.Busy), true, foci.Busy},
	} {
		if got := foci.KindOf(failure(c.err, c.sent)); got != c.want {
			t.Errorf("%v, sent %v: %v, want %v", foci.KindOf(c.err), c.sent, got, c.want)
		}
	}
}
