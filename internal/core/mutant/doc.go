// Package mutant switches single rules off, to show that the test of a rule fails
// without it. In a binary built without the tag mutants [On] is the constant false,
// and the compiler drops the code that it guards.
//
// To add one: name it here, guard the rule with On, and give it a row in
// test/mutants, which runs each rule's test with the rule on and off.
package mutant

// Name is a rule that can be switched off.
type Name string
