// Package mutants shows that the tests of rules can fail: it runs each rule's
// test in a binary in which that rule alone is switched off (build tag mutants),
// and wants the test to fail there and to pass with the rule on.
package mutants
