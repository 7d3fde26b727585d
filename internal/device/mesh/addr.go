package mesh

import "github.com/foci-store/foci"

// Addr is where a peer can be dialled.
type Addr struct {
	HostPort string     // host:port
	Table    foci.Table // by which one comes who dials it; the hello names it, the welcome decides
	Network  string     // tcp4, tcp6; "" = tcp: whatever the name resolves to
}

// String is the host and port.
func (a Addr) String() string { return a.HostPort }

func (a Addr) network() string {
	if a.Network == "" {
		return "tcp"
	}
	return a.Network
}

func hostPorts(addrs []Addr) []string {
	list := make([]string, len(addrs))
	for i, a := range addrs {
		list[i] = a.HostPort
	}
	return list
}
