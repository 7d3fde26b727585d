package bench

import (
	"testing"
	"time"
)

// TestMesh: each row has a value, nothing fails, and a reset fails nothing.
// How fast it is here says nothing.
func TestMesh(t *testing.T) {
	for _, part := range []struct {
		rows int
		run  func() ([]Row, error)
	}{
		{2, func() ([]Row, error) { return meshRequests(t.Context(), 50*time.Millisecond) }},
		{1, func() ([]Row, error) { return meshBulk(t.Context(), 50*time.Millisecond) }},
		{3, func() ([]Row, error) { return meshIsolation(t.Context(), 50*time.Millisecond) }},
		{3, func() ([]Row, error) { return meshReset(t.Context(), 250*time.Millisecond) }},
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
