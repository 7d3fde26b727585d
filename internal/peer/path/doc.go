// Package path is the shell of [core.Machine]: it owns the set of links of this
// process, chooses the path of each request, sends it, and relays requests of other
// processes. Package operation sends through it; package membership reports links.
//
// It starts no goroutine. [Paths.mu] guards the machine and changes of the map of
// links; the map itself is read without a lock, as every message needs it. The lock
// of operations is taken before mu, as they find paths while they hold it; that of
// membership after mu, as [Membership] is asked for tables. Rerouted is called
// without mu.
package path
