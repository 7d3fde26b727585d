// Package renewal renews the certificate of a process before it expires, and signs the
// renewals of other processes.
//
// A [Renewal] decides when to renew; package auth owns the certificates. It asks nodes
// over open channels, one after the other, until one of them has signed.
//
// Goroutines: one, [Renewal.Run]. It holds turn while it renews, so that
// [Renewal.Settle] can wait for that. There is no mutex.
package renewal
