package beacon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// hops is how many routers a packet may pass: those of a site.
const hops = 8

// socket is a group of either family.
type socket interface {
	receive(p []byte) (n int, from netip.Addr, err error)
	join() error         // on the interfaces that there are now; fails when on none
	send(p []byte) error // on all of them; fails when on none
	Close() error
}

// listen binds the group's port; several processes of one host may.
func listen(ctx context.Context, group netip.AddrPort) (socket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) }); e != nil {
			return e
		}
		return err
	}}
	dst := net.UDPAddrFromAddrPort(group)
	if group.Addr().Is4() {
		c, err := lc.ListenPacket(ctx, "udp4", group.String())
		if err != nil {
			return nil, err
		}
		s := &socket4{c: ipv4.NewPacketConn(c), dst: dst}
		return s, errors.Join(s.c.SetMulticastLoopback(true), s.c.SetMulticastTTL(hops))
	}
	c, err := lc.ListenPacket(ctx, "udp6", netip.AddrPortFrom(netip.IPv6Unspecified(), group.Port()).String())
	if err != nil {
		return nil, err
	}
	s := &socket6{c: ipv6.NewPacketConn(c), dst: dst}
	return s, errors.Join(s.c.SetMulticastLoopback(true), s.c.SetMulticastHopLimit(hops))
}

// each calls f for every interface that may do multicast; the loopback says of
// itself that it does not, but does. It fails when f never succeeds.
func each(f func(*net.Interface) error) error {
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	var errs []error
	done := 0
	for i := range all {
		if all[i].Flags&net.FlagUp == 0 || all[i].Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
			continue
		}
		if err := f(&all[i]); err != nil {
			errs = append(errs, err)
			continue
		}
		done++
	}
	if done > 0 {
		return nil
	}
	return errors.Join(append(errs, errors.New("no interface can do it"))...)
}

// joined takes an interface that is in the group already for a success.
func joined(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	return err
}

type socket4 struct {
	c   *ipv4.PacketConn
	dst *net.UDPAddr
}

func (s *socket4) Close() error { return s.c.Close() }

func (s *socket4) receive(p []byte) (int, netip.Addr, error) {
	n, _, from, err := s.c.ReadFrom(p)
	return n, address(from), err
}

// address is the source of a packet, without its port.
func address(from net.Addr) netip.Addr {
	if u, ok := from.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (s *socket4) join() error {
	return each(func(i *net.Interface) error { return joined(s.c.JoinGroup(i, s.dst)) })
}

func (s *socket4) send(p []byte) error {
	_ = s.join() // interfaces may have come; sending says what is wrong
	return each(func(i *net.Interface) error {
		_, err := s.c.WriteTo(p, &ipv4.ControlMessage{IfIndex: i.Index}, s.dst)
		return err
	})
}

type socket6 struct {
	c   *ipv6.PacketConn
	dst *net.UDPAddr
}

func (s *socket6) Close() error { return s.c.Close() }

func (s *socket6) receive(p []byte) (int, netip.Addr, error) {
	n, _, from, err := s.c.ReadFrom(p)
	return n, address(from), err
}

func (s *socket6) join() error {
	return each(func(i *net.Interface) error { return joined(s.c.JoinGroup(i, s.dst)) })
}

func (s *socket6) send(p []byte) error {
	_ = s.join()
	return each(func(i *net.Interface) error {
		_, err := s.c.WriteTo(p, &ipv6.ControlMessage{IfIndex: i.Index}, s.dst)
		return err
	})
}
