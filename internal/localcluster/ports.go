package localcluster

import (
	"net"

	"github.com/foci-store/foci"
)

// portsFree reports the first address that another process listens on, before
// any node is started.
func portsFree(nodes []Node) error {
	for _, n := range nodes {
		l, err := net.Listen(n.Addr.Family.Network(), n.Addr.HostPort())
		if err != nil {
			return &foci.Error{
				Kind: foci.Invalid, Op: "up", Where: n.Addr.HostPort(), Err: err,
				Msg: "node " + n.Name + " cannot listen here", Fix: "stop what uses the port, or give another --port, and to a cluster of other ports its own --dir",
			}
		}
		l.Close()
	}
	return nil
}
