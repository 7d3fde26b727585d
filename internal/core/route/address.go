package route

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// Family is an address family, numbered as Linux numbers them.
type Family uint8

// The families. AnyFamily is for remotes only: any that the name resolves to.
const (
	AnyFamily Family = 0
	IPv4      Family = 2
	IPv6      Family = 10
)

// Network is the name that package net dials and listens by.
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

// MaxAddressText is the longest address, in bytes: a DNS name of 253, a port, a
// family and a table, with room to spare.
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

// HostPort is what package net dials, on the network of the family.
func (a Address) HostPort() string { return joinHostPort(a.Host, a.Port) }

// AddressOf is the address of an IP and port in table 0.
func AddressOf(at netip.AddrPort) Address {
	a := Address{Host: at.Addr().Unmap().String(), Port: at.Port(), Family: IPv4}
	if at.Addr().Unmap().Is6() {
		a.Family = IPv6
	}
	return a
}

// Remote is the same place without its table.
func (a Address) Remote() Remote { return Remote{Host: a.Host, Port: a.Port, Family: a.Family} }

// MarshalText makes addresses readable in JSON and TOML.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what String prints.
func (a *Address) UnmarshalText(t []byte) (err error) {
	*a, err = ParseAddress(string(t))
	return err
}

// ParseAddress reads host:port:family-table, like 10.0.0.17:1025:2-0 or
// [fd00::17]:1025:10-2. The host is an IP of the family, or a DNS name that
// resolves in it. An address is what others dial, so it may be neither
// unspecified nor carry a zone.
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
		return Address{}, refuse("others cannot dial this host; use listen for what is only bound here")
	}
	return a, nil
}

// refusal makes the error of one text: every one says what was read and what
// was wanted.
func refusal(what, text, want string) func(format string, args ...any) error {
	return func(format string, args ...any) error {
		cause := foci.Errorf(foci.Invalid, format, args...)
		return &foci.Error{Kind: foci.Invalid, Where: what + " " + strconv.Quote(foci.Clip(text)), Msg: cause.Error(), Fix: "want " + want}
	}
}
