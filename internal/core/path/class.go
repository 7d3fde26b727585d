package path

import (
	"slices"

	"github.com/foci-store/foci"
)

// Classes are the route tables that each class prefers, best first. A class
// without any takes a peer's addresses in the order in which the peer gives them.
type Classes [foci.NumClasses][]foci.Table

// rank is a table's place in the preference of a class; tables that it does not
// name come last.
func (c *Classes) rank(class foci.Class, table foci.Table) int {
	if i := slices.Index(c[class], table); i >= 0 {
		return i
	}
	return len(c[class])
}

// best is the table that a class prefers, of some; 0 when there is none.
func (c *Classes) best(class foci.Class, tables []foci.Table) (best foci.Table) {
	for i, t := range tables {
		if i == 0 || c.rank(class, t) < c.rank(class, best) {
			best = t
		}
	}
	return best
}
