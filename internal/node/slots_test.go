package node

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/share"
)

// TestReadsPerPrincipal: a client that reads without end leaves slots for the
// others, and all clients together for members.
func TestReadsPerPrincipal(t *testing.T) {
	r := readSlots(16)
	var held []*share.Part
	enter := func(who share.Who) (n int, err error) {
		for ; err == nil && n < 20; n++ {
			var slot *share.Part
			if slot, err = r.take(who); err == nil {
				held = append(held, slot)
			}
		}
		return n - 1, err
	}
	n, err := enter(share.Who{Principal: "client/web"})
	if n != 2 || foci.KindOf(err) != foci.Busy || !strings.Contains(err.Error(), "client/web holds its share, 2 of 16") {
		t.Errorf("the first client has %d, then: %v", n, err)
	}
	if n, err = enter(share.Who{Principal: "client/db"}); n != 2 {
		t.Errorf("the second client has %d, then: %v", n, err)
	}
	if n, err = enter(share.Who{}); n != 8 {
		t.Errorf("clients that prove nothing have %d, then: %v", n, err)
	}
	if n, err = enter(share.Who{Member: true}); n != 4 {
		t.Errorf("members have %d, then: %v", n, err)
	}
	for _, slot := range held {
		r.release(slot)
	}
	if r.pool.Used() != 0 || r.pool.Parts() != 0 {
		t.Errorf("%d of %d are still in use", r.pool.Used(), r.pool.Parts())
	}
}
