// Package txn sends legs to their replicas over an unreliable network.
//
// A leg is the request of one transaction or query to one replica. It is stalled when
// no answer arrives in time, and then resent until its resend counter is zero. It waits
// while its peer is unreachable, and is resent when the peer is reachable again. A leg
// always has a deadline and is finished exactly once: with the answer, or with an error
// that lists the attempts.
//
// Resending is safe because every request is idempotent: a store that already has the
// version with the same content acknowledges it again. So a resend may take any path,
// and replicas keep no window of recent requests.
//
// The [Machine] is pure: no goroutine, lock or clock. It takes events and the time, and
// appends effects to a slice. The shell calls it under one lock, carries out the
// effects in any order, and calls Tick at the time of NextWake.
//
// # How a leg ends
//
//	answer, or Have says stored     success
//	the replica refuses             its error: StaleLayout, NotReady, Conflict, …
//	counter at zero                 Stalled
//	no path to the owner            NoRoute, at once, unless a mutation may already be there
//	deadline, cancel or close       OutcomeUnknown for a mutation that may have been applied; else
//	                                Canceled or Closed as told; else the last obstacle: Unreachable, NoRoute,
//	                                Busy, or Stalled when the peer was silent
//
// After each failure Outcome.MayApply reports whether the mutation may have been
// applied, or may still be.
package txn
