package check

import (
	"fmt"
	"slices"
)

// Durable checks that what was acknowledged is still there when all has
// healed: each acknowledged put, append or remove is in one of the logs, or
// was destroyed after every group had something newer.
func Durable(h []Op, logged func(key string, o *Op) bool) error {
	for i := range h {
		o := &h[i]
		if o.Action != Get && o.Outcome == Acknowledged && !logged(o.Key, o) {
			return fmt.Errorf("durability: acknowledged and lost: %v", o)
		}
	}
	return nil
}

// Converged checks that all replicas of each key hold the same content.
func Converged(contents map[string][][]string) error {
	for key, replicas := range contents {
		for i, c := range replicas {
			if !slices.Equal(c, replicas[0]) {
				return fmt.Errorf("convergence of %s: replica 0 holds %q, replica %d holds %q", key, replicas[0], i, c)
			}
		}
	}
	return nil
}
