package object

import (
	"errors"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

func TestInquiry(t *testing.T) {
	const at, now = int64(5000e9), int64(1000e9)
	holds := func(t int64) *record.Vote { return &record.Vote{Newest: foci.Version{Time: t, Nonce: 1}} }
	watermark := &record.Vote{Watermark: record.Watermark{Version: foci.Version{Time: at, Nonce: 1}}}
	for _, c := range []struct {
		name    string
		owners  int
		answers []*record.Vote // nil: it could not be asked
		held    int64
		err     error // nil and held 0: it goes on
	}{
		{"the first one holds the time before", 2, []*record.Vote{holds(at - 1)}, at - 1, nil},
		{"the last one does", 2, []*record.Vote{holds(7), holds(at + 5)}, at + 5, nil},
		{"one has destroyed a version as high", 2, []*record.Vote{watermark}, at, nil},
		{"one does and the other cannot be asked", 2, []*record.Vote{nil, holds(at)}, at, nil},
		{"one does not, the other has not answered", 2, []*record.Vote{holds(7)}, 0, nil},
		{"none does", 2, []*record.Vote{holds(at - 2), {}}, 0, foci.ClockAhead},
		{"no other owner", 1, []*record.Vote{{}}, 0, foci.ClockAhead},
		{"one cannot be asked", 2, []*record.Vote{nil, holds(7)}, 0, foci.Busy},
		{"none can be asked", 2, []*record.Vote{nil, nil}, 0, foci.Busy},
	} {
		q := NewInquiry(at, c.owners)
		for _, v := range c.answers {
			q.Answer(v)
		}
		goesOn := c.held == 0 && c.err == nil
		if q.Done() == goesOn {
			t.Errorf("%s: done is %v", c.name, q.Done())
		}
		if goesOn {
			continue
		}
		if held, err := q.Result(now); held != c.held || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %d, %v, want %d, %v", c.name, held, err, c.held, c.err)
		}
	}
	alone := NewInquiry(at, 0)
	if _, err := alone.Result(now); !alone.Done() || !errors.Is(err, foci.ClockAhead) {
		t.Errorf("without other owners: %v", err)
	}
}

// TestSilenceIsNotNo: an owner that cannot be asked may hold the evidence, so
// the sender is to try again and not told that its clock is wrong.
func TestSilenceIsNotNo(t *testing.T) {
	q := NewInquiry(5000e9, 2)
	q.Answer(&record.Vote{})
	q.Answer(nil)
	_, err := q.Result(1000e9)
	var e *foci.Error
	if !errors.As(err, &e) || e.Kind != foci.Busy || e.RetryAfter <= 0 {
		t.Fatalf("got %v, want Busy with a time to try again", err)
	}
}
