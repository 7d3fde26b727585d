// Package mesh stands for package device/mesh in the simulator: processes that
// dial each other over a simulated network, with the machine of package
// core/link deciding over their channels, as in production. Connections are
// reset at every step of a handshake and of a message, fall silent, and end
// with their process, which crashes, or shuts down in good order, and comes
// back as a new incarnation.
//
// What a link promises is checked as it goes: a request ends exactly once, with
// its own answer or with an error that says why; it is sent twice only when it
// may be; no slot has two channels; a silent peer is suspected in time; and when
// all faults have ended every member is up. The first promise that is broken is
// [Mesh.Err]. Requests of every class that carry nothing but their number
// ([Mesh.Probe]) try what the cluster's own requests do not need.
package mesh
