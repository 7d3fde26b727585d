//go:build mutants

package mutant

import "os"

// Env names the one mutant of a process.
const Env = "FOCI_MUTANT"

var chosen = Name(os.Getenv(Env))

// On reports whether the rule is switched off in this process.
func On(n Name) bool { return n == chosen }
