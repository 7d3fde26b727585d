package route

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// Family is an address family, numbered as Linux numbers them.
type Family uint8

// The families. AnyFamily is for remotes only: any family that the name resolves to.
const (
	AnyFamily Family = 0
	IPv4      Family = 2
	IPv6      Family = 10
)

// Network is the network of package net to dial and listen on.
func (f Family) Network() string {
	switch f {
	case IPv4:
		return "tcp4"
	case IPv6:
		return "tcp6"
	default:
		return "tcp"
	}
}

// MaxAddressText is the length limit of an address in bytes: a DNS name of 253, a
// port, a family and a table, with room to spare.
const MaxAddressText = 300

// Address is where a node can be reached by every process that uses its table.
type Address struct {
	Host   string // an IP without brackets, or a DNS name in lower case
	Port   uint16
	Family Family
	Table  foci.Table
}

// String is the form host:port:family-table, with IPv6 hosts in brackets.
func (a Address) String() string {
	return a.HostPort() + ":" + strconv.Itoa(int(a.Family)) + "-" + strconv.Itoa(int(a.Table))
}

// HostPort is the address of package net to dial, on the network of the family.
func (a Address) HostPort() string { return joinHostPort(a.Host, a.Port) }

// AddressOf is the address of an IP and port in table 0.
func AddressOf(at netip.AddrPort) Address {
	a := Address{Host: at.Addr().Unmap().String(), Port: at.Port(), Family: IPv4}
	if at.Addr().Unmap().Is6() {
		a.Family = IPv6
	}
	return a
}

// Remote is the address without its table.
func (a Address) Remote() Remote { return Remote{Host: a.Host, Port: a.Port, Family: a.Family} }

// MarshalText is the form of an address in JSON and TOML.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText parses what MarshalText gives.
func (a *Address) UnmarshalText(t []byte) (err error) {
	*a, err = ParseAddress(string(t))
	return err
}

// ParseAddress parses host:port:family-table, like 10.0.0.17:1025:2-0 or
// [fd00::17]:1025:10-2. The host is an IP of the family, or a DNS name that
// resolves in it. Other processes dial the address, so the host may be neither
// unspecified nor have a zone.
func ParseAddress(s string) (Address, error) {
	refuse := refusal("address", s, "host:port:family-table, like 10.0.0.17:1025:2-0")
	if len(s) > MaxAddressText {
		return Address{}, refuse("%d bytes long, at most %d", len(s), MaxAddressText)
	}
	host, port, rest, ok := splitHostPort(s)
	if !ok {
		return Address{}, refuse("a part is missing")
	}
	family, table, ok := strings.Cut(rest, "-")
	if !ok {
		return Address{}, refuse("the table is missing")
	}
	a := Address{}
	var err error
	if a.Port, err = parsePort(port, 1); err != nil {
		return Address{}, refuse("%w", err)
	}
	if a.Family, err = parseFamily(family); err != nil {
		return Address{}, refuse("%w", err)
	}
	if a.Family == AnyFamily {
		return Address{}, refuse("family 0 is for remotes only, want 2 or 10")
	}
	n, err := parseNumber(table, foci.MaxTable-1)
	if err != nil {
		return Address{}, refuse("table %w", err)
	}
	a.Table = foci.Table(n)
	if a.Host, err = parseHost(host, a.Family); err != nil {
		return Address{}, refuse("%w", err)
	}
	if ip, err := netip.ParseAddr(a.Host); err == nil && (ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "") {
		return Address{}, refuse("other processes cannot dial this host; use listen for an address that is only bound here")
	}
	return a, nil
}

// refusal makes the errors of parsing one text: each quotes the text and says what
// form is wanted.
func refusal(what, text, want string) func(format string, args ...any) error {
	return func(format string, args ...any) error {
		cause := foci.Errorf(foci.Invalid, format, args...)
		return &foci.Error{Kind: foci.Invalid, Where: what + " " + strconv.Quote(foci.Clip(text)), Msg: cause.Error(), Fix: "want " + want}
	}
}

// Bind is an address that a node advertises, and the one that it listens on. They
// differ behind NAT, with virtual IPs and in containers.
type Bind struct {
	Addr   Address
	Listen netip.AddrPort // zero: Addr itself
}

// ParseBind parses an address and, unless it is empty, the IP:port to listen on in
// its place. With port 0 the system chooses the port.
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

// ListenOn is the address of package net to listen on, on the network of the family.
func (b Bind) ListenOn() string {
	if b.Listen.IsValid() {
		return b.Listen.String()
	}
	return b.Addr.HostPort()
}

// CheckAddrs fails when a node has too many addresses, or one twice.
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
