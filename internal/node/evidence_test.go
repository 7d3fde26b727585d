package node

import (
	"context"
	"errors"
	"testing"

	"github.com/foci-store/foci"
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
		n.inquire(&wire.Store{}, end)
	}
	if len(ends) != 0 {
		t.Fatalf("%d have ended already: %v", len(ends), ends)
	}
	n.inquire(&wire.Store{}, end)
	var e *foci.Error
	if len(ends) != 1 || !errors.As(ends[0], &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
		t.Fatalf("one too many: %v", ends)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	n.investigate(ctx)
	if len(ends) != maxInquiries+1 || len(n.inquiries.tokens) != 0 {
		t.Fatalf("%d have ended, %d still hold a token", len(ends), len(n.inquiries.tokens))
	}
	for _, err := range ends[1:] {
		if !errors.Is(err, foci.Closed) {
			t.Fatalf("got %v, want Closed", err)
		}
	}
}
