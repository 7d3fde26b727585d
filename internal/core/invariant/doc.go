// Package invariant checks invariants of the core machines. A binary built with the
// tag invariants, as the simulator and the tests under the race detector are, panics
// with a [Violation] when a check fails. In all others [On] is the constant false and
// [Check] is empty.
//
// An invariant holds between events, or follows from a rule of the protocol. What a
// peer can cause is no invariant: it is answered with an error.
package invariant

import "fmt"

// Violation is the panic value of a failed check.
type Violation string

// Error names the invariant.
func (v Violation) Error() string { return "invariant: " + string(v) }

func fail(format string, args []any) { panic(Violation(fmt.Sprintf(format, args...))) }
