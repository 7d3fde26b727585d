// Package mutant switches single rules off, so that a test of a rule can be
// shown to fail without it. A binary built without the tag mutants has none of
// it: [On] is then a constant false, and the compiler drops what it guards.
//
// To add one: name it here, guard the rule with On, and give it a row in
// test/mutants, which runs each rule's test with the rule on and off.
package mutant

// Name is a rule that can be switched off.
type Name string
