package foci

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the closed list of what can go wrong. Kinds cross the wire; text is
// for people. Upspin's error kinds are the model.
type Kind uint8

// The kinds. Their numbers are part of the protocol: add at the end only.
const (
	Internal       Kind = iota // a bug, or something that nobody foresaw
	Invalid                    // the request breaks a rule; sending it again cannot help
	NotFound                   // a quorum says that there is no such object or version
	TooLarge                   // over a limit
	Busy                       // a bounded queue is full; nothing was done, try again after RetryAfter
	Canceled                   // the caller gave up before anything was sent
	OutcomeUnknown             // it ended without a quorum: it may have happened, or may still
	NoQuorum                   // a read could not reach enough groups
	NoRoute                    // no address of the owner in any table that can be used
	Unreachable                // no channel to the peer now
	Stalled                    // the resend counter reached zero
	StaleLayout                // the request names an older layout than the node's
	NotReady                   // the backend cannot vote: no layout, or not compared yet
	Corrupt                    // stored bytes do not match their checksum
	ClockAhead                 // the version's time is too far above the replica's clock
	BelowWatermark             // the version is not newer than what was destroyed in its range
	Conflict                   // the same version with other content
	Gone                       // the version was superseded and its content destroyed
	ReadOnly                   // the backend takes no writes: a failed fsync, or a full disk
	Denied                     // not allowed, or wrong cluster, wrong node, wrong credential
	Protocol                   // the peer broke the protocol, or speaks none that we know
	Closed                     // the client, node or channel is closed
	NumKinds
)

var kindNames = [NumKinds]string{
	"internal", "invalid", "not found", "too large", "busy", "canceled", "outcome unknown", "no quorum",
	"no route", "unreachable", "stalled", "stale layout", "not ready", "corrupt", "clock ahead", "below watermark",
	"conflict", "gone", "read only", "denied", "protocol", "closed",
}

// String is the kind in words.
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return "internal"
}

// NotApplied reports whether a replica that answers a mutation with this kind has
// not applied it, and will not. ReadOnly is not among these kinds: a record whose
// fsync failed may be there after a restart.
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

// Error is an error with its kind. Op and Where are what was done and to what;
// Fix says what to do about it.
type Error struct {
	Kind       Kind
	Op         string        // "put", "dial", … ; may be empty
	Where      string        // object, peer, address or file; may be empty
	Msg        string        // what is wrong
	Fix        string        // what to do; may be empty
	RetryAfter time.Duration // for Busy: when to try again; 0 = at will
	Err        error         // the cause; may be nil
}

// Error prints op where: message: cause (remedy); of [Replicas] as the cause it
// prints each on a line of its own, after the remedy.
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

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches a [Kind] given as the target: errors.Is(err, foci.NotFound). An
// error also matches the kinds of its causes, so that a write of unknown outcome
// may be Busy too, where one replica was. What to do next is decided by [KindOf].
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// As gives the kind to a *[Kind] given as the target.
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

// KindOf is the kind of the outermost [Error] in err's chain; [Internal] when
// there is none.
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

// hidden keeps a cause for errors.Is and errors.As whose text is already in
// the message.
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

// Cause marks a cause whose text the message of an [Error] already contains, so
// that it is found by [errors.Is] and [errors.As] and not printed twice.
func Cause(err error) error { return hidden(err) }
