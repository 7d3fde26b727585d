// Package sim runs whole clusters of the core machines on a simulated network
// under one seed: messages are lost, delayed, doubled and reordered, links are
// cut one way or both, some nodes are reached by way of others only, nodes
// crash in the middle of an fsync and come back, clocks jump by an hour, and
// the layout changes under way. What the callers saw is then checked against
// the promises.
//
// Everything that happens is decided by the seed, so a failing run can be
// looked at again. The rules of the protocol can be turned off one by one
// ([Mutant]): the checkers must notice each.
package sim
