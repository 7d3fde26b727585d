// Package renewal renews the certificate of a process before it expires, and
// signs the renewals that others ask for.
//
// A [Renewal] owns the decision when to renew; the certificates themselves are
// package auth's. It asks nodes over channels that are open anyway, one after
// the other, until one of them has signed.
//
// Goroutines: one, [Renewal.Run]. It holds turn while it renews, so that
// [Renewal.Settle] can wait for that. There is no mutex.
package renewal
