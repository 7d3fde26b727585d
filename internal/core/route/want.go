package route

import "github.com/foci-store/foci"

// Want is what a process wants of the link to a node.
type Want uint8

// What a process may want of a link.
const (
	Ignore Want = iota // the link stays as it is, if there is one
	Dial               // a link is kept at the node's addresses
	HangUp             // no link is kept: the node has left
)

// Placed is what the layout says of a node. The zero value: it is not in there.
type Placed struct {
	Is    bool
	Addrs []Address
}

// Want says what a process with some tables wants of the link to a node, and at
// which addresses: those that the node has told, else those of the layout.
func (r *Routes) Want(id foci.NodeID, layout Placed, tables []foci.Table) (Want, []Address) {
	n := r.nodes[id]
	switch {
	case id == r.self.Node:
		return Ignore, nil
	case !layout.Is && n != nil && len(n.entry.Addrs) == 0:
		return HangUp, nil
	case !layout.Is && r.self.Node.IsZero() && (n == nil || n.entry.Role != foci.RoleData):
		return Ignore, nil // it owns nothing that a transport client could want
	}
	if addrs := r.Usable(id, layout, tables); len(addrs) > 0 {
		return Dial, addrs
	}
	return Ignore, nil
}

// Usable lists the addresses of a node in some tables: those that it has told,
// else those of the layout.
func (r *Routes) Usable(id foci.NodeID, layout Placed, tables []foci.Table) []Address {
	known, err := r.Reach(id, tables)
	if err == nil {
		return known
	}
	for _, t := range tables {
		for _, a := range layout.Addrs {
			if a.Table == t {
				known = append(known, a)
			}
		}
	}
	return known
}

// Remotes lists where the other nodes that are present can be dialled in some
// tables: what a process remembers for its next run.
func (r *Routes) Remotes(tables []foci.Table) []Remote {
	var all []Remote
	for _, e := range r.Present() {
		if e.Node == r.self.Node {
			continue
		}
		addrs, _ := r.Reach(e.Node, tables)
		for _, a := range addrs {
			all = append(all, a.Remote())
		}
	}
	return all
}
