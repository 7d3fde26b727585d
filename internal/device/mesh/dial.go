package mesh

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// open dials an address and runs the dialling side of a handshake; expect is zero
// when any node will do.
func (m *Mesh) open(ctx context.Context, addr route.Address, expect foci.NodeID, class foci.Class, index int) (*stream.Client, error) {
	select {
	case m.dials <- struct{}{}:
		defer func() { <-m.dials }()
	case <-ctx.Done():
		return nil, dialError(foci.Unreachable, addr.HostPort(), "too many handshakes at a time", context.Cause(ctx))
	}
	conn, err := m.cfg.Dial(ctx, addr.Family.Network(), addr.HostPort())
	if err != nil {
		return nil, dialError(foci.Unreachable, addr.HostPort(), "", err)
	}
	if err := frame.Mark(conn, m.cfg.Classes[class].DSCP); err != nil {
		_ = conn.Close() // nothing was sent on it
		return nil, dialError(foci.Internal, addr.HostPort(), "dscp cannot be set", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	o, err := m.handshakes.Dial(conn, handshake.Target{Node: expect, Table: addr.Table, Class: class, Index: index})
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close() // the handshake failed already
		return nil, greetError(addr.HostPort(), err)
	}
	_ = o.Conn.SetDeadline(time.Time{}) // fails only when closed, as the first read will
	o.Streams = min(o.Streams, uint32(m.cfg.Limits.ChannelRequests))
	o.Packing &= m.cfg.Classes[class].Compress.packing()
	return stream.NewClient(&m.streams, o), nil
}

// greetError is the error of a failed handshake: where, why, and a remedy.
func greetError(addr string, err error) error {
	e := &foci.Error{Kind: foci.KindOf(err), Op: "dial", Where: addr, Err: err}
	var answered *frame.PeerError
	var ours *foci.Error
	switch {
	case e.Kind == foci.Internal:
		return dialError(foci.Unreachable, addr, "no answer to hello", err)
	case e.Kind == foci.Protocol:
		e.Msg = "no common protocol"
		if !errors.As(err, &answered) && (!errors.As(err, &ours) || ours.Fix == "") {
			e.Fix = "is it a Foci node, and of a version that fits?"
		}
	case errors.As(err, &answered):
		return dialError(e.Kind, addr, "refused", err)
	case e.Kind == foci.Denied:
		e.Msg = "refused"
		if errors.As(err, &ours) && ours.Fix == "" && !errors.Is(err, handshake.ErrSelf) {
			e.Fix = "check the address, the node's identity and the cluster's name"
		}
	default:
		return dialError(e.Kind, addr, "refused", err)
	}
	return e
}

func dialError(k foci.Kind, addr, msg string, err error) error {
	e := &foci.Error{Kind: k, Op: "dial", Where: addr, Msg: msg, Err: err}
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Msg, e.Err, e.Fix = "connection refused", foci.Cause(err), "is a node running there?"
	case errors.As(err, &op) && op.Err != nil: // the rest repeats the address
		e.Err = op.Err
	}
	if e.Msg == "" {
		e.Msg = "cannot connect"
	}
	return e
}
