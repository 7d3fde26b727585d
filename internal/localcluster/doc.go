// Package localcluster runs a cluster on this machine, one child process per node, for
// trials and tests. It creates the directory, layout, keys and credentials, starts the
// processes, waits until they serve, reports those that end, restarts them if asked,
// and stops them in order. It prints nothing: it reports each [Event], and passes the
// output of the nodes to OnLine.
//
// Each child has three goroutines: two that read its pipes and one that waits for
// its end. Run has one more for each node, which watches and restarts it, and
// returns when all have ended. Locks: Runner.mu guards the running children;
// Runner.out lets one event out at a time. Neither is acquired under the other.
package localcluster
