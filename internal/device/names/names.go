// Package names resolves the host names of peers by DNS. It starts no goroutine
// and has no lock.
package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

const (
	// MaxAddresses is how many addresses of one remote are used; the rest of a long
	// answer is left out.
	MaxAddresses = 32
	timeout      = 5 * time.Second // of one remote, all its names included
)

// resolver is the one in Go: it reads /etc/resolv.conf again when that changes, and
// looks up SRV records.
var resolver = &net.Resolver{PreferGo: true}

// Resolve finds the addresses of a remote, in table 0: of an IP itself, of a name all
// in its family, of a service those of each of its targets, in the order of their
// priorities. It fails with Unreachable when DNS has no answer; asking again later
// may help.
func Resolve(ctx context.Context, r route.Remote) ([]route.Address, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if r.Service == "" {
		return addresses(ctx, r.Host, r.Port, r.Family)
	}
	_, targets, err := resolver.LookupSRV(ctx, "", "", r.Service)
	if err != nil {
		return nil, unresolved(r, err)
	}
	var all []route.Address
	var errs []error
	for _, t := range targets {
		found, err := addresses(ctx, strings.TrimSuffix(t.Target, "."), t.Port, route.AnyFamily)
		if err != nil {
			errs = append(errs, err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, unresolved(r, errors.Join(errs...))
	}
	return all[:min(len(all), MaxAddresses)], nil
}

func addresses(ctx context.Context, host string, port uint16, f route.Family) ([]route.Address, error) {
	var ips []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = []netip.Addr{ip}
	} else if ips, err = resolver.LookupNetIP(ctx, network(f), host); err != nil {
		return nil, unresolved(route.Remote{Host: host, Port: port, Family: f}, err)
	}
	var out []route.Address
	for _, ip := range ips[:min(len(ips), MaxAddresses)] {
		ip = ip.Unmap()
		of := route.IPv4
		if ip.Is6() {
			of = route.IPv6
		}
		if f == route.AnyFamily || f == of {
			out = append(out, route.Address{Host: ip.String(), Port: port, Family: of})
		}
	}
	if len(out) == 0 {
		return nil, unresolved(route.Remote{Host: host, Port: port, Family: f}, errors.New("no address of that family"))
	}
	return out, nil
}

func network(f route.Family) string {
	switch f {
	case route.IPv4:
		return "ip4"
	case route.IPv6:
		return "ip6"
	default:
		return "ip"
	}
}

func unresolved(r route.Remote, err error) error {
	return &foci.Error{Kind: foci.Unreachable, Op: "look up", Where: r.String(), Msg: "the name does not resolve", Err: err, Fix: "is the name right, and the resolver in /etc/resolv.conf reachable?"}
}
