// Package beacon lets the nodes of a cluster find each other by UDP multicast:
// each says now and then, in one packet, who it is and where it can be reached.
// Whoever hears a node that it does not know dials it, so an answer needs no
// packet.
//
// A packet counts only with a code made with the cluster key, a time near ours,
// and when it is newer than the node's last; others are counted and forgotten.
// What an enemy can do with a recorded packet is to have a node dialled that was
// there a few minutes ago, and that still has to prove who it is.
package beacon
