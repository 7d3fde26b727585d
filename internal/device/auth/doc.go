// Package auth is authentication: the cluster key, the client keys derived from it,
// the certificates of mutual TLS, and the identity that each proves. It works on bytes
// and files; package mesh sends the bytes.
//
// There are two kinds of identity. A member (a node or a node client) serves and sends
// requests; a client only sends them. A client's credential never authenticates a
// member:
//
//   - the cluster key authenticates members; a client's key is derived, one way, from
//     the cluster key and the client's name;
//   - a certificate names a node or a client.
//
// Without credentials peers are unauthenticated, which is for loopback only.
//
// The package starts no goroutine. Keys, certificates and the limit of renewals have a
// mutex each.
package auth
