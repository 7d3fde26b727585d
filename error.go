package foci

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies an error. The list is closed, and kinds are sent over the wire:
// programs decide by the kind, never by the text. Upspin's error kinds are the model.
type Kind uint8

// The kinds. Their numbers are part of the protocol: add at the end only.
const (
	Internal       Kind = iota // a bug, or an error of no other kind
	Invalid                    // the request breaks a rule; a retry cannot succeed
	NotFound                   // a quorum has no such object or version
	TooLarge                   // over a limit
	Busy                       // a bounded queue is full; nothing was done, retry after RetryAfter
	Canceled                   // the caller gave up before anything was sent
	OutcomeUnknown             // a write ended without a quorum: it may have been applied, or may still be
	NoQuorum                   // a read could not reach enough groups
	NoRoute                    // the owner has no address in a usable route table, and no relay
	Unreachable                // no channel to the peer now
	Stalled                    // the resend counter reached zero
	StaleLayout                // the request names an older layout than the node's
	NotReady                   // the backend cannot vote yet: no layout, or not compared with its peers
	Corrupt                    // stored bytes do not match their checksum
	ClockAhead                 // the version's time is too far above the replica's clock
	BelowWatermark             // the version is not above the GC watermark of its range
	Conflict                   // the same version with other content
	Gone                       // the version was superseded and its content destroyed
	ReadOnly                   // the backend takes no writes: a failed fsync, or a full disk
	Denied                     // not allowed, or wrong cluster, wrong node, wrong credential
	Protocol                   // the peer broke the protocol, or has no version of it in common
	Closed                     // the client, node or channel is closed
	NumKinds
)

var kindNames = [NumKinds]string{
	"internal", "invalid", "not found", "too large", "busy", "canceled", "outcome unknown", "no quorum",
	"no route", "unreachable", "stalled", "stale layout", "not ready", "corrupt", "clock ahead", "below watermark",
	"conflict", "gone", "read only", "denied", "protocol", "closed",
}

// String is the name of the kind.
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return "internal"
}

// NotApplied reports whether a replica that answers a mutation with this kind has
// not applied the mutation, and will not. It is false for ReadOnly: a record whose
// fsync failed may be on the disk after a restart.
func (k Kind) NotApplied() bool {
	switch k {
	case Invalid, TooLarge, Busy, NoRoute, StaleLayout, NotReady, ClockAhead, BelowWatermark, Conflict, Denied:
		return true
	}
	return false
}

// Error makes a Kind usable as a target of [errors.Is].
func (k Kind) Error() string { return k.String() }

// MarshalText makes kinds readable in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Error is an error with its kind.
type Error struct {
	Kind       Kind
	Op         string        // the operation: "put", "dial", …; may be empty
	Where      string        // its object, peer, address or file; may be empty
	Msg        string        // what is wrong
	Fix        string        // the remedy; may be empty
	RetryAfter time.Duration // for Busy: the delay before a retry; 0: none
	Err        error         // the cause; may be nil
}

// Error prints "op where: message: cause (remedy)". If the cause is [Replicas],
// each replica follows on a line of its own.
func (e *Error) Error() string {
	s := e.Msg
	if s == "" {
		s = e.Kind.String()
	}
	after := ""
	switch cause := e.Err.(type) {
	case nil, *hiddenCause:
	case Replicas:
		after = ":\n" + cause.Error()
	default:
		s += ": " + cause.Error()
	}
	if e.Where != "" {
		s = e.Where + ": " + s
	}
	if e.Op != "" {
		s = e.Op + " " + s
	}
	if e.Fix != "" {
		s += " (" + e.Fix + ")"
	}
	return s + after
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is lets [errors.Is] match a [Kind]: errors.Is(err, foci.NotFound). It matches
// the kinds of causes too: a write of kind OutcomeUnknown is also Busy if one
// replica was. To decide what to do next, use [KindOf].
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// As lets [errors.As] set a *[Kind].
func (e *Error) As(target any) bool {
	k, ok := target.(*Kind)
	if ok {
		*k = e.Kind
	}
	return ok
}

// Errorf makes an error of a kind; %w in the format keeps the cause.
func Errorf(k Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Msg: err.Error(), Err: hidden(errors.Unwrap(err))}
}

// KindOf is the kind of the outermost [Error] in err's chain, or [Internal] if
// the chain has none.
func KindOf(err error) Kind {
	if err == nil {
		return Internal // before the variables below go to the heap
	}
	return kindOf(err)
}

func kindOf(err error) Kind {
	k := Internal
	errors.As(err, &k)
	return k
}

// hidden wraps a cause whose text is already in the message, or returns nil.
func hidden(err error) error {
	if err == nil {
		return nil
	}
	return &hiddenCause{err}
}

// hiddenCause marks a cause that the message of its Error already contains.
type hiddenCause struct{ err error }

func (h *hiddenCause) Error() string { return h.err.Error() }
func (h *hiddenCause) Unwrap() error { return h.err }

// Cause wraps err for the Err field of an [Error] whose Msg already contains the
// text of err: [errors.Is] and [errors.As] find err, and it is not printed twice.
func Cause(err error) error { return hidden(err) }
