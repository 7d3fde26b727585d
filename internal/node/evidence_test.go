package node

import (
	"context"
	"errors"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
)

// TestInquiriesAreBounded: one search for evidence too many is refused at once,
// and those that have not begun end with the node.
func TestInquiriesAreBounded(t *testing.T) {
	var n Node
	n.inquiries.init()
	var ends []error
	end := func(_ int64, err error) { ends = append(ends, err) }
	for range maxInquiries {
		n.inquire(share.Who{Member: true}, &wire.Store{}, end)
	}
	if len(ends) != 0 {
		t.Fatalf("%d have ended already: %v", len(ends), ends)
	}
	n.inquire(share.Who{Member: true}, &wire.Store{}, end)
	var e *foci.Error
	if len(ends) != 1 || !errors.As(ends[0], &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
		t.Fatalf("one too many: %v", ends)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	n.investigate(ctx)
	if len(ends) != maxInquiries+1 || n.inquiries.slots.used() != 0 {
		t.Fatalf("%d have ended, %d still hold a slot", len(ends), n.inquiries.slots.used())
	}
	for _, err := range ends[1:] {
		if !errors.Is(err, foci.Closed) {
			t.Fatalf("got %v, want Closed", err)
		}
	}
}

// TestInquiryAfterTheEnd: a record that needs evidence when the node has ended
// its searches is answered.
func TestInquiryAfterTheEnd(t *testing.T) {
	var n Node
	n.inquiries.init()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	n.investigate(ctx)
	var ends []error
	n.inquire(share.Who{Member: true}, &wire.Store{}, func(_ int64, err error) { ends = append(ends, err) })
	if len(ends) != 1 || !errors.Is(ends[0], foci.Closed) || n.inquiries.slots.used() != 0 {
		t.Fatalf("%v, %d slots are held", ends, n.inquiries.slots.used())
	}
}

// TestInquiriesPerPrincipal: a client that sends forged times without end does
// not take the evidence from honest ones.
func TestInquiriesPerPrincipal(t *testing.T) {
	var n Node
	n.inquiries.init()
	refused := 0
	end := func(int64, error) { refused++ }
	for range maxInquiries {
		n.inquire(share.Who{Principal: "client/liar"}, &wire.Store{}, end)
	}
	if held := len(n.inquiries.begin); held != maxInquiries/8 || refused != maxInquiries-held {
		t.Fatalf("one client holds %d of %d slots, %d were refused", held, maxInquiries, refused)
	}
	refused = 0
	n.inquire(share.Who{Principal: "client/honest"}, &wire.Store{}, end)
	n.inquire(share.Who{Principal: "node/1", Member: true}, &wire.Store{}, end)
	if refused != 0 {
		t.Fatalf("%d others were refused", refused)
	}
}

// used is the number of slots that are taken.
func (s *slots) used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool.Used()
}
