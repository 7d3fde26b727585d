// Package path is the shell of [core.Machine]: it has the links of this process,
// says which path a request takes, sends it there, and passes requests of others on
// as a relay. Operations send by it, membership tells it which links there are.
//
// It starts no goroutine. [Paths.mu] guards the machine and changes of the map of
// links; the map itself is read without a lock, as every message needs it. The lock
// of operations is taken before mu, as they find paths while they hold it; that of
// membership after mu, as [Membership] is asked for tables. Rerouted is called
// without mu.
package path
