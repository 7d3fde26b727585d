// Package beacon lets the nodes of a cluster find each other by UDP multicast: each
// announces itself now and then, in one packet, with the addresses at which it can be
// reached. A node that receives the packet of an unknown node dials it, so no packet
// needs an answer.
//
// A packet is accepted if it has a MAC made with the cluster key, a time near ours, and
// is newer than the node's last one; other packets are counted and dropped. An attacker
// who replays a packet causes one dial to an address of some minutes ago, where mutual
// authentication fails.
//
// One goroutine announces and one receives; Close waits for both. The only lock is
// Beacon.mu, which is not held while packets are sent or delivered.
package beacon
