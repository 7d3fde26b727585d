// Package check holds the checkers behind the promises: given the operations of all
// callers and their results, they report whether an invariant was broken. They are
// pure functions; the simulator and tests of whole clusters run them.
package check
