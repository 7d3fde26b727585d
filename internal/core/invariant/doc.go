// Package invariant states what must be true inside of the core machines
// whatever happens. A binary built with the tag invariants checks it and panics
// with a [Violation]: the simulator and the tests under the race detector are
// built so. In all others [On] is a constant false and [Check] is empty.
//
// A check says what holds between events, or what a rule of the protocol makes
// impossible; what a peer can cause is answered with an error instead.
package invariant

import "fmt"

// Violation is what a check that fails panics with.
type Violation string

// Error says which invariant it was.
func (v Violation) Error() string { return "invariant: " + string(v) }

func fail(format string, args []any) { panic(Violation(fmt.Sprintf(format, args...))) }
