//go:build invariants

package invariant

// On reports whether invariants are checked. It guards checks that take a loop.
const On = true

// Check panics unless the condition holds.
func Check(holds bool, format string, args ...any) {
	if !holds {
		fail(format, args)
	}
}
