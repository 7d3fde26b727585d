package memory

import (
	"testing"
	"time"
)

// TestWhenMemoryIsGivenBack tells when a node collects, look by look.
func TestWhenMemoryIsGivenBack(t *testing.T) {
	const mib = 1 << 20
	type look struct {
		allocates, holds uint64 // MiB
		due              bool
	}
	for name, c := range map[string]struct {
		after uint64 // MiB held after a collection
		looks []look
	}{
		"a start holds little":              {8, []look{{5, 8, false}, {1, 8, false}, {1, 8, false}}},
		"a load, its end, then silence":     {20, []look{{900, 300, false}, {900, 380, false}, {1, 380, false}, {1, 380, true}, {1, 20, false}, {1, 20, false}, {1, 21, false}}},
		"a steady load":                     {20, []look{{900, 300, false}, {900, 300, false}, {900, 300, false}, {900, 300, false}}},
		"a load that pauses for one look":   {20, []look{{900, 300, false}, {1, 300, false}, {900, 300, false}, {1, 300, false}, {900, 300, false}}},
		"a light load after a heavy one":    {20, []look{{900, 400, false}, {20, 400, false}, {20, 400, true}}},
		"what stays in use is no reason":    {400, []look{{900, 400, false}, {1, 400, false}, {1, 400, true}, {1, 400, false}, {1, 410, false}, {1, 420, false}, {1, 430, false}, {1, 440, false}}},
		"two loads, and a rest in between":  {20, []look{{900, 300, false}, {1, 300, false}, {1, 300, true}, {900, 300, false}, {1, 300, false}, {1, 300, false}, {1, 300, true}}},
		"growth beyond what stays, unasked": {100, []look{{900, 300, false}, {1, 300, false}, {1, 300, true}, {1, 120, false}, {1, 130, false}, {1, 132, false}, {1, 134, true}}},
	} {
		var m trigger
		now := time.Unix(1e9, 0)
		allocated := uint64(0)
		for i, l := range c.looks {
			now = now.Add(betweenLooks)
			allocated += l.allocates * mib
			due := m.due(now, sample{allocated, l.holds * mib})
			if due != l.due {
				t.Errorf("%s, look %d: collects %v, want %v", name, i, due, l.due)
				break
			}
			if due {
				m.collected(now, c.after*mib)
			}
		}
	}
}
