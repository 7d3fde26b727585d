// Package path decides which path a message takes: directly to its node by one
// of their common route tables, or through a relay; and which of several
// replicas is the nearest.
//
// The [Machine] is pure. It is told of events (a link came up by a table, a link
// was lost, an answer arrived, a relay answered, routes changed) and of the time.
// It knows the health of each (peer, table), so that a broken path demotes the
// path and not the node. [Machine.Find] answers for one node, [Machine.Order]
// for the replicas of an object.
//
// # Relays
//
// A node without a direct path is reached through a relay: a linked node that
// has an address in one of the node's tables. One hop, and no search: the relay
// has a channel to the node or refuses. A relay that refused rests for that node,
// longer each time; then a single request probes it.
package path
