// Package auth is authentication: the cluster key and the credentials of clients
// that are made from it, the certificates of mutual TLS, and what each of them
// proves. It works on bytes and files; package mesh carries the bytes.
//
// There are two kinds of identity. A member (a node, or a process that joins as
// one) serves requests and sends them; a client only sends them. The credential of a
// client is never good for a member:
//
//   - the cluster key proves a member; a client has a key of its own that is
//     made from the cluster key and the client's name, one way;
//   - a certificate names a node or a client.
//
// With neither nothing is proved: good for loopback only.
package auth
