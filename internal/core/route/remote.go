package route

import (
	"strconv"
	"strings"
)

// Remote is a peer to contact, by a process that does not know its tables yet:
// the welcome tells. Either Service is set, or Host and Port.
type Remote struct {
	Host    string // an IP without brackets, or a DNS name in lower case
	Port    uint16
	Family  Family // AnyFamily: whatever the name resolves to
	Service string // a DNS name that has SRV records
}

const servicePrefix = "srv:"

// String is the form host:port:family or srv:name.
func (r Remote) String() string {
	if r.Service != "" {
		return servicePrefix + r.Service
	}
	return r.HostPort() + ":" + strconv.Itoa(int(r.Family))
}

// HostPort is the address of package net to dial, on the network of the family.
func (r Remote) HostPort() string { return joinHostPort(r.Host, r.Port) }

// MarshalText is the form of a remote in JSON and TOML.
func (r Remote) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText parses what MarshalText gives.
func (r *Remote) UnmarshalText(t []byte) (err error) {
	*r, err = ParseRemote(string(t))
	return err
}

// ParseRemote parses host:port:family, like 127.0.0.1:1025:2 or node1:1025:0, or
// srv:name for the SRV records of a name.
func ParseRemote(s string) (Remote, error) {
	refuse := refusal("remote", s, "host:port:family, like 10.0.0.17:1025:2, or srv:name")
	if len(s) > MaxAddressText {
		return Remote{}, refuse("%d bytes long, at most %d", len(s), MaxAddressText)
	}
	// A host may be called srv: only a remote without a port is a service.
	if name, ok := strings.CutPrefix(s, servicePrefix); ok && !strings.Contains(name, ":") {
		name, err := parseName(name)
		if err != nil {
			return Remote{}, refuse("%w", err)
		}
		return Remote{Service: name}, nil
	}
	host, port, family, ok := splitHostPort(s)
	if !ok {
		return Remote{}, refuse("a part is missing")
	}
	if before, _, ok := strings.Cut(family, "-"); ok && (before == "2" || before == "10") {
		return Remote{}, refuse("a remote has no table")
	}
	r := Remote{}
	var err error
	if r.Port, err = parsePort(port, 1); err != nil {
		return Remote{}, refuse("%w", err)
	}
	if r.Family, err = parseFamily(family); err != nil {
		return Remote{}, refuse("%w", err)
	}
	if r.Host, err = parseHost(host, r.Family); err != nil {
		return Remote{}, refuse("%w", err)
	}
	return r, nil
}
