package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/foci-store/foci"
)

// Durable checks that what was acknowledged is still there when all has
// healed: each acknowledged put, append or remove is in one of the logs, or
// was destroyed after every group had something newer. What only one group had
// to acknowledge may be lost.
func Durable(h []Op, logged func(key string, o *Op) bool) error {
	for i := range h {
		o := &h[i]
		if o.Action != Get && o.Level != foci.One && o.Outcome == Acknowledged && !logged(o.Key, o) {
			return &Broken{Promise: "D", Key: o.Key, What: "acknowledged and lost: " + o.String()}
		}
	}
	return nil
}

// Converged checks that all replicas of each key hold the same content.
func Converged(contents map[string][][]string) error {
	for _, key := range slices.Sorted(maps.Keys(contents)) {
		replicas := contents[key]
		for i, c := range replicas {
			if !slices.Equal(c, replicas[0]) {
				return &Broken{Promise: "C", Key: key, What: fmt.Sprintf("replica 0 holds %q, replica %d holds %q", replicas[0], i, c)}
			}
		}
	}
	return nil
}
