package access

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
)

// Asker is the principal that sent a request or, of a relayed one, its client, and
// what it may do.
type Asker struct {
	Principal rights.Principal
	Rights    rights.Rights
	Protocol  uint16 // of the channel; in protocol 1 a request has only the id of its object
}

// Check returns nil when the asker has the right that a request needs, else an
// error of kind Denied whose text does not depend on what is stored.
//
// Check allows a request that [Blind] reports without knowing its bucket: the
// caller must treat an object of a reserved bucket as absent.
func Check(a *Asker, m codec.Message) error {
	if a.Rights.Everything() {
		return nil
	}
	n := wire.NeedOf(m)
	switch {
	case n.Anyone:
		return nil
	case n.Scope == nil:
		return a.deny(&n, n.Bucket)
	case n.Scope.Named():
		bucket, ok := n.Scope.Within(n.ID)
		if !ok {
			return a.unnamed("the request names another object than it is about")
		}
		return a.deny(&n, bucket)
	case a.Protocol == 1 && !a.Rights.Scoped():
		return nil
	}
	return a.unnamed("the request does not name its object, as its rights require")
}

// Blind reports whether a request has only the id of its object, as in protocol
// 1, and its asker may not see all objects.
func Blind(a *Asker, s *wire.Scope) bool { return !s.Named() && !a.Rights.Everything() }

// MayRead reports whether the asker may read the object of a request that [Check]
// has allowed, perhaps for a lesser right.
func MayRead(a *Asker, s *wire.Scope, id foci.ID) bool {
	if a.Rights.Everything() {
		return true
	}
	if bucket, ok := s.Within(id); ok {
		return a.Rights.Allows(rights.Read, bucket)
	}
	return !a.Rights.Scoped() // a blind request
}

// deny is nil when the asker has one of the rights needed.
func (a *Asker) deny(n *wire.Need, bucket string) error {
	if a.Rights.Allows(n.Op, bucket) || n.Or != 0 && a.Rights.Allows(n.Or, bucket) {
		return nil
	}
	e := &foci.Error{Kind: foci.Denied}
	has := " (it has " + a.text() + ")"
	switch {
	case n.Op == rights.Admin || rights.IsReserved(bucket):
		e.Msg = a.name() + " lacks the right admin to " + n.Verb + about(bucket) + has
		e.Fix = "use the credential of an administrator"
	case bucket == "":
		e.Msg = a.name() + " lacks the right to " + verb(n.Op) + " all buckets, needed to " + n.Verb + has
		e.Fix = "use a credential with the right *=" + n.Op.String()
	default:
		e.Msg = a.name() + " lacks the right to " + verb(n.Op) + " bucket " + bucket + has
		e.Fix = "use a credential with the right " + bucket + "=" + n.Op.String()
	}
	return e
}

// unnamed is the error for a request of which the bucket cannot be told.
func (a *Asker) unnamed(why string) error {
	return &foci.Error{Kind: foci.Denied, Msg: a.name() + " (it has " + a.text() + "): " + why, Fix: "upgrade the client to protocol 2"}
}

func (a *Asker) name() string {
	if a.Principal == "" {
		return "the client"
	}
	return string(a.Principal)
}

func (a *Asker) text() string {
	if s := a.Rights.String(); s != "" {
		return foci.Clip(s)
	}
	return "none"
}

func about(bucket string) string {
	if bucket == "" {
		return ""
	}
	return " bucket " + bucket
}

func verb(o rights.Op) string {
	if o == rights.Write {
		return "write"
	}
	return "read"
}
