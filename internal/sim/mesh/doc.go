// Package mesh replaces package device/mesh in the simulator: processes dial each other
// over a simulated network, and the machine of package core/link keeps their channels,
// as in production. Connections are reset at every step of a handshake and of a
// message, or fall silent; processes crash or shut down, and restart with a new
// incarnation.
//
// It checks the promises of links during the run: a request ends exactly once, with its
// own answer or with an error that says why; it is sent twice only when it may be; no
// slot has two channels; a silent peer is suspected in time; and after the last fault
// every member is up. [Mesh.Err] is the first broken promise. [Mesh.Probe] sends
// numbered requests of every class, to cover what the cluster's requests do not.
package mesh
