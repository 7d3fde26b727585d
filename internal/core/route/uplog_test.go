package route

import "testing"

// TestUpsAreNamed as long as they are remembered.
func TestUpsAreNamed(t *testing.T) {
	var u UpLog
	for n := range 100 {
		u.Add(nodeID(n))
	}
	for _, c := range []struct {
		count    uint64
		first, n int
	}{{0, 0, 0}, {99, 99, 1}, {90, 90, 10}, {1, 100 - upLogSize, upLogSize}, {100, 0, 0}, {1 << 60, 0, 0}} {
		got := u.Since(c.count)
		if len(got) != c.n || c.n > 0 && got[0] != nodeID(c.first) {
			t.Errorf("since %d: %d, from %v", c.count, len(got), got)
		}
	}
}
