// Package path is the shell of [core.Machine]: the links of this process, how
// fast their nodes answer, and the relays that pass requests on. Operations ask
// it which path a request takes; membership tells it which links there are.
//
// It starts no goroutine. [Paths.mu] guards the machine and changes of the map of
// links; the map itself is read without a lock, as every message needs it. While
// mu is held [Membership] is asked for tables, so its lock comes after mu. The
// operations' lock comes before mu: they find paths while they hold it.
package path
