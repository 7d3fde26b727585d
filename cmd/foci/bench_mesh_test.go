package main

import (
	"testing"
	"time"
)

// TestBenchMesh: each row has a value, nothing fails, and a reset fails nothing.
// How fast it is here says nothing.
func TestBenchMesh(t *testing.T) {
	for _, part := range []struct {
		rows int
		run  func() ([]meshRow, error)
	}{
		{2, func() ([]meshRow, error) { return benchRequests(t.Context(), 50*time.Millisecond) }},
		{1, func() ([]meshRow, error) { return benchBulk(t.Context(), 50*time.Millisecond) }},
		{3, func() ([]meshRow, error) { return benchIsolation(t.Context(), 50*time.Millisecond) }},
		{3, func() ([]meshRow, error) { return benchReset(t.Context(), 250*time.Millisecond) }},
	} {
		rows, err := part.run()
		if err != nil || len(rows) != part.rows {
			t.Fatalf("%d rows, want %d: %v", len(rows), part.rows, err)
		}
		for _, r := range rows {
			if r.Limit > 0 && r.Value <= 0 {
				t.Errorf("%s: nothing was measured", r.What)
			}
			if r.Limit == 0 && r.Value > 0 {
				t.Errorf("%s: %v", r.What, r.Value)
			}
		}
	}
}
