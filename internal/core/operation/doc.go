// Package operation runs the operations of one process, each from its start to its
// single answer. It connects the quorum machine of each operation with the transaction
// machine that sends the legs of all operations.
//
// The [Machine] is pure: no goroutine, lock or clock. It takes events and the time,
// and appends effects to a slice. The shell calls it under one lock and carries out
// the effects in any order, without the lock. Production and the simulator share it.
//
// # Events
//
//	Start            an operation begins
//	Sent, Delivered  the channel of an attempt, and its fate
//	Progress         the bytes of a long attempt that were transferred
//	PeerUp, PeerDown, RouteChanged
//	Replan           the layout that an operation needed
//	Tick             the time of NextWake has come
//	GiveUp, Close    the caller gives up, or the process ends
//
// # Effects
//
//	Send        send a request; exactly one Delivered follows, after which its body is not read
//	Cancel      the answer to an attempt is not needed; its Delivered may say Canceled
//	Answer      call the caller of an operation back; exactly one for each operation
//	Idle        an operation has no open attempt and leg: its payload may be freed; its last effect
//	NeedLayout  an operation rests until Replan gives it a layout of at least this epoch
//
// # The fate of an attempt
//
// A link reports one of four fates of each attempt ([txn.Fate]): not sent, refused,
// lost or answered. Only the fate and, for a refusal, [foci.Kind.NotApplied] decide
// whether a mutation may have been applied. An answer to any attempt ends the leg. A
// stalled leg is resent by another channel.
package operation
