// Package engine is a discrete-event simulation: a virtual clock, one random
// source, and a network that loses, delays, duplicates and reorders messages and
// that can be cut in one direction and one table alone.
//
// The seed decides everything that happens, so a failing run can be repeated.
// There are no goroutines and no locks: one event runs after the other.
package engine
