// Package peer is one process as the mesh sees it. It wires its parts: operations
// (package operation), the paths and links that carry them (path), what is known of
// other members (membership) and the certificate (renewal). Clients, gateways and
// nodes are built on it.
//
// It starts the goroutine that renews the certificate, and has no lock of its own.
package peer
