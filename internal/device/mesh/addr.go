package mesh

import "github.com/foci-store/foci/internal/core/route"

func hostPorts(addrs []route.Address) []string {
	list := make([]string, len(addrs))
	for i, a := range addrs {
		list[i] = a.HostPort()
	}
	return list
}
