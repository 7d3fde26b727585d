package mesh

import "github.com/foci-store/foci/internal/core/link"

// Addr is where a peer can be dialled.
type Addr = link.Addr

func network(a Addr) string {
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
