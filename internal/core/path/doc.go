// Package path chooses the path of a message: direct, by a common route table, or
// through a relay. It also orders the replicas of an object, the nearest first.
//
// The [Machine] is pure: no goroutine, lock or clock. It takes events (a link came up
// by a table, a link was lost, an answer arrived, a relay answered, routes changed)
// and the time. It tracks the health of each (peer, table), so that a broken path
// demotes the path and not the node. [Machine.Find] chooses the path to one node,
// [Machine.Order] orders replicas.
//
// # Relays
//
// If a node has no direct path, requests take a relay: a linked node with an address
// in one of the node's tables. A path has at most one relay, which refuses a request if
// it has no channel to the node. A relay that refused is not used for that node for a
// while, longer each time; then a single request probes it.
package path
