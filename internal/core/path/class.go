package path

import (
	"slices"

	"github.com/foci-store/foci"
)

// Classes lists the route tables that each class prefers, best first. A class without
// tables uses a peer's addresses in their order.
type Classes [foci.NumClasses][]foci.Table

// rank is a table's place in the preference of a class; tables not listed come last.
func (c *Classes) rank(class foci.Class, table foci.Table) int {
	if i := slices.Index(c[class], table); i >= 0 {
		return i
	}
	return len(c[class])
}

// best returns which of some tables a class prefers; 0 if tables is empty.
func (c *Classes) best(class foci.Class, tables []foci.Table) (best foci.Table) {
	for i, t := range tables {
		if i == 0 || c.rank(class, t) < c.rank(class, best) {
			best = t
		}
	}
	return best
}
