// Package sim runs whole clusters under one seed: the machines of operations,
// paths and links (core/operation, core/path, core/link) and of objects and their
// admission (core/object) as they are in production, on a simulated network
// (sim/engine), between simulated processes (sim/mesh) with simulated disks.
//
// Messages are lost, delayed, doubled and reordered; connections break, fall
// silent and end with their process; paths are cut one way or both; some nodes
// are reached through relays only; nodes crash in the middle of an fsync, or shut
// down, and come back; clocks jump by an hour, or begin two days ahead; clients
// lie about times; the layout changes under way. What the callers saw is then
// checked against the promises, and so is what links promise, in each run.
//
// Everything that happens is decided by the seed, so a failing run can be
// repeated. The rules of the protocol can be turned off one by one ([Mutant]):
// the checks must notice each. Built with the tag invariants, the machines check
// themselves too.
package sim
