// Package lockorder has mutexes with a rank in the lock order. The types of [Rank] are
// the lock order of a process in the mesh, the outermost first.
//
// A binary built with the tag invariants, as the tests under the race detector are,
// panics when a goroutine locks a mutex whose rank is not above those of the mutexes
// that it holds. In all others a [Mutex] is a sync.Mutex.
package lockorder

// Rank is the place of a mutex in the order.
type Rank interface{ rank() int }

type (
	// Adoption: a layout is put on the disk and made known.
	Adoption struct{}
	// Watches: clients that wait to be told of changes.
	Watches struct{}
	// Operations: the machine of operations.
	Operations struct{}
	// Paths: the machine of paths, and the map of links.
	Paths struct{}
	// Members: what is known of other members.
	Members struct{}
	// Leaf: a few fields; no other lock of a rank is taken meanwhile.
	Leaf struct{}
)

func (Adoption) rank() int   { return 1 }
func (Watches) rank() int    { return 2 }
func (Operations) rank() int { return 3 }
func (Paths) rank() int      { return 4 }
func (Members) rank() int    { return 5 }
func (Leaf) rank() int       { return 6 }
