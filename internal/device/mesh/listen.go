package mesh

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/mutant"
)

// keepAlive keeps idle channels alive in stateful firewalls and detects dead hosts
// within a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

func dialTCP(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive}
	return d.DialContext(ctx, network, addr)
}

// listen binds all addresses, or none.
func (m *Mesh) listen() error {
	for _, l := range m.cfg.Listen {
		lc := net.ListenConfig{KeepAliveConfig: keepAlive}
		ln, err := lc.Listen(m.ctx, l.network(), l.Addr)
		if err != nil {
			err = &foci.Error{
				Kind: foci.Invalid, Op: "listen", Where: l.Addr, Msg: "cannot bind the address", Err: err,
				Fix: "give an address of this host and a free port",
			}
		} else {
			m.listeners = append(m.listeners, ln)
			err = m.checkExposed(ln.Addr())
		}
		if err != nil {
			for _, open := range m.listeners {
				_ = open.Close() // nothing was served on it
			}
			return err
		}
	}
	for i, ln := range m.listeners {
		m.tasks.Go(func() { m.acceptAll(ln, m.cfg.Listen[i].Table) })
	}
	return nil
}

// network keeps an address of one family to that family: 0.0.0.0 would else accept
// IPv6 too.
func (l Listener) network() string {
	ap, err := netip.ParseAddrPort(l.Addr)
	switch {
	case err != nil: // a host name
		return "tcp"
	case ap.Addr().Is4():
		return "tcp4"
	}
	return "tcp6"
}

// checkExposed fails when peers are not authenticated on an address that other
// machines may reach. The bound address counts, not the advertised one.
func (m *Mesh) checkExposed(addr net.Addr) error {
	if m.cfg.Auth != nil || m.cfg.Insecure {
		return nil
	}
	if tcp, is := addr.(*net.TCPAddr); is && tcp.IP.IsLoopback() {
		return nil
	}
	return &foci.Error{
		Kind: foci.Denied, Op: "listen", Where: addr.String(), Msg: "every process that reaches this address could read and write everything: it is not loopback, and there is neither a cluster key nor TLS",
		Fix: "give the node key or [tls] in foci.toml, as foci init makes them, or set --insecure",
	}
}

// acceptAll accepts connections until the listener is closed. When accepting fails,
// as without free file descriptors, it waits a little instead of spinning.
func (m *Mesh) acceptAll(ln net.Listener, table foci.Table) {
	failures := 0
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			failures = 0
			// It enters here, not in its goroutine: goroutines begin in any order, and
			// an earlier connection must not take the place of a later one.
			leave := func() {}
			if !mutant.On(mutant.UnprovenInAnyOrder) {
				leave = m.handshakes.Enter(conn)
			}
			m.tasks.Go(func() { m.accept(conn, table, leave) })
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		failures++
		m.log.Warn("cannot accept a connection", "addr", ln.Addr(), "err", err)
		select {
		case <-time.After(link.Backoff(failures, 5*time.Millisecond, time.Second, 0.5)):
		case <-m.ctx.Done():
			return
		}
	}
}
