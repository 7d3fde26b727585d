package frame

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
)

// PeerError marks an error that the peer answered, as opposed to one of the
// connection to it.
type PeerError struct {
	Node  foci.NodeID // that failed
	Via   foci.NodeID // the relay; zero: none
	Epoch foci.Epoch  // of the replica's layout, with StaleLayout
	// Moved reports whether an earlier copy of the request was sent on another channel,
	// which was lost. The peer may have treated that copy differently.
	Moved bool
	err   *foci.Error
}

func (e *PeerError) Error() string { return e.err.Error() }

// Unwrap gives the [foci.Error] with kind, text and RetryAfter.
func (e *PeerError) Unwrap() error { return e.err }

// DecodeError decodes the error that a node has sent; who is zero when it has not
// told its id yet.
func DecodeError(who foci.NodeID, head []byte) error {
	var w wire.Error
	if err := codec.Unmarshal(head, &w); err != nil {
		return err
	}
	e := &PeerError{Node: who, Epoch: w.Epoch}
	if !w.From.IsZero() && w.From != who {
		e.Node, e.Via = w.From, who
	}
	where := ""
	if !e.Node.IsZero() {
		where = "node " + e.Node.Short()
	}
	e.err = &foci.Error{Kind: w.Kind, Where: where, Msg: w.Text, RetryAfter: w.RetryAfter}
	return e
}

// EncodeError is the part of err that is sent to a peer.
func EncodeError(err error) wire.Error {
	w := wire.Error{Kind: foci.KindOf(err), Text: err.Error()}
	var e *foci.Error
	if errors.As(err, &e) {
		w.RetryAfter = e.RetryAfter.Round(time.Millisecond)
	}
	var p *PeerError
	if errors.As(err, &p) {
		w.Epoch = p.Epoch
		if e == p.err { // a relay passes it on unchanged
			w.Text, w.From = e.Msg, p.Node
		}
	}
	return w
}
