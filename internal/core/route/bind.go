package route

import (
	"net/netip"

	"github.com/foci-store/foci"
)

// Bind is one address of this node: what it advertises and what it listens on.
// They differ behind NAT, virtual IPs and in containers.
type Bind struct {
	Addr   Address
	Listen netip.AddrPort // zero: Addr itself
}

// ParseBind reads an address and, unless empty, the IP:port to listen on in its
// place. Port 0 lets the system choose: good only where something maps it.
func ParseBind(addr, listen string) (Bind, error) {
	a, err := ParseAddress(addr)
	if err != nil {
		return Bind{}, err
	}
	b := Bind{Addr: a}
	if listen == "" {
		return b, nil
	}
	refuse := refusal("listen", listen, "IP:port, like 0.0.0.0:11025")
	host, port, rest, ok := splitHostPort(listen + ":")
	if !ok || rest != "" {
		return Bind{}, refuse("a part is missing, or too many")
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return Bind{}, refuse("host %q is not an IP", foci.Clip(host))
	}
	if ip.Is4() != (a.Family == IPv4) || ip.Is4In6() {
		return Bind{}, refuse("not of family %d, as the address beside it is", a.Family)
	}
	p, err := parsePort(port, 0)
	if err != nil {
		return Bind{}, refuse("%w", err)
	}
	b.Listen = netip.AddrPortFrom(ip, p)
	return b, nil
}

// ListenOn is what package net listens on, on the network of the family.
func (b Bind) ListenOn() string {
	if b.Listen.IsValid() {
		return b.Listen.String()
	}
	return b.Addr.HostPort()
}

// CheckAddrs reports a node's addresses that cannot stand beside each other:
// too many, or one twice.
func CheckAddrs(addrs []Address) error {
	if len(addrs) > foci.MaxAddrs {
		return foci.Errorf(foci.TooLarge, "%d addresses, a node has at most %d", len(addrs), foci.MaxAddrs)
	}
	for i, a := range addrs {
		for _, b := range addrs[:i] {
			if a == b {
				return foci.Errorf(foci.Invalid, "address %v is there twice", a)
			}
		}
	}
	return nil
}
