// Package txn carries legs to their replicas, whatever becomes of the network.
//
// A leg is the request of one transaction or query to one replica. It is transmitted,
// counts as stalled when no answer comes in time, is resent until its counter
// reaches zero, waits while its peer is unreachable, and is resent the moment the peer
// is back. It always has a deadline, and it is finished exactly once: with the
// answer, or with an error that lists every attempt.
//
// Resending is safe because every request is idempotent: a store that has a
// version with the same content acknowledges it again. So a resend may take any
// path, and there is no window to remember.
//
// The [Machine] is pure: it is told of events and of the time, and appends what
// is to be done to a slice of effects. It has no goroutine, no lock and no
// clock. The shell calls it under one lock, carries the effects out in any
// order, and calls Tick when NextWake says so.
//
// # How a leg ends
//
//	answer, or Have says stored     success
//	the replica refuses             its error: StaleLayout, NotReady, Conflict, …; the caller judges it
//	counter at zero                 Stalled
//	no path to the owner            NoRoute, at once, unless a mutation may already be there
//	deadline, cancel or close       OutcomeUnknown for a mutation that may have been applied; else
//	                                Canceled or Closed as told; else what kept it: Unreachable, NoRoute, Busy,
//	                                or Stalled when the peer was silent
//
// Outcome.MayApply says for every failure whether the mutation may have been,
// or may still be, applied.
package txn
