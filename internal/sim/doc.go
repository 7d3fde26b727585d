// Package sim runs whole clusters under one seed: the machines of operations,
// paths and links (core/operation, core/path, core/link) and of objects and their
// admission (core/object) as they are in production, on a simulated network
// (sim/engine), between simulated processes (sim/mesh) with simulated disks.
//
// Messages are lost, delayed, doubled and reordered; connections break, fall
// silent and end with their process; paths are cut one way or both; some nodes
// are reached through relays only; nodes crash in the middle of an fsync, or shut
// down, and restart; clocks jump by an hour, or begin two days ahead; clients lie about
// times; the layout changes during the run. Each run checks the results of the callers
// against the promises, and the links against theirs.
//
// The seed decides every event, so a failing run can be repeated. Rules of the protocol
// can be switched off one by one ([Mutant]): the checks must detect each mutant. Built
// with the tag invariants, the machines check their invariants too. There are no
// goroutines and no locks.
package sim
