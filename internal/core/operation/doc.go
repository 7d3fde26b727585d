// Package operation runs the operations of one process, from their start to their
// one answer: it joins the quorum machine of each operation to the transaction
// machine that carries the legs of all, and judges what links say of attempts.
//
// The [Machine] is pure. It is told of events and of the time, and appends what is
// to be done to a slice of effects. It has no goroutine, lock or clock. The shell
// calls it under one lock and carries the effects out outside of it, in any order.
// Production and the simulator run it as it is.
//
// # Events
//
//	Start            an operation begins
//	Sent, Delivered  by which channel an attempt left, and what became of it
//	Progress         how far the body of a long attempt has come
//	PeerUp, PeerDown, RouteChanged
//	Replan           the layout that an operation needed
//	Tick             the time that NextWake named has come
//	GiveUp, Close    the caller, or the process, waits no longer
//
// # Effects
//
//	Send        send a request; exactly one Delivered follows, and its body is not read any more then
//	Cancel      the answer to an attempt is not needed any more; its Delivered may say Canceled
//	Answer      call the caller of an operation back; exactly one for each operation
//	Idle        an operation has no attempt out and no leg open: its payload may be freed; the last of its effects
//	NeedLayout  an operation rests until Replan gives it a layout of at least this epoch
//
// # How an attempt is judged
//
// A link says one of four things of each attempt ([txn.Fate]): not sent, refused,
// lost or answered. Whether a mutation may have been applied follows from that and,
// for a refusal, from [foci.Kind.NotApplied] alone. An answer to any attempt of a leg
// is the leg's. A stalled leg is sent again by another channel than before.
package operation
