package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// ask makes a command that asks the cluster one question and prints the answer.
func (a *app) ask(c *cobra.Command, do func(context.Context, *client.Client) error) *cobra.Command {
	var r remoteFlags
	c.Args = usageArgs(cobra.NoArgs)
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(c.Context(), max(r.timeout, 0))
		defer cancel()
		cl, err := r.dial(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = hangUp(ctx, cl) }()
		return do(ctx, cl)
	}
	r.add(a, c)
	return c
}

func nodesCommand(a *app) *cobra.Command {
	return a.ask(&cobra.Command{
		Use:   "nodes",
		Short: "List the nodes of the layout, their groups, and whether they answer",
		Long: `List the nodes of the layout with their addresses and groups, and the state of those that
answer, with the versions of the protocol that they speak, for an upgrade node by node. The
exit status is 1 when one does not answer.

  foci nodes
  foci nodes --json`,
	}, a.nodes)
}

func (a *app) nodes(ctx context.Context, c *client.Client) error {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	down := 0
	for i := range nodes {
		if !nodes[i].Up {
			down++
			a.message("node %s: %s", nodes[i].Name, nodes[i].Error)
		}
		a.complain(&nodes[i])
		if a.json {
			if err := a.print(nodes[i], nil); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, nodeRow(&nodes[i]))
	}
	if !a.json {
		if err := a.table("NODE ID STATE UPTIME PROTOCOL GROUPS EPOCH OBJECTS ADDRESSES", rows); err != nil {
			return err
		}
	}
	if down > 0 {
		return foci.Errorf(foci.Unreachable, "%d of %d nodes do not answer", down, len(nodes))
	}
	return nil
}

// worse combines a node's state with that of one more backend.
func worse(state string, notReady, readOnly bool) string {
	switch {
	case notReady:
		return "not ready"
	case readOnly && state == "up":
		return "read only"
	default:
		return state
	}
}

// complain prints why a reachable node does not vote, or a backend of it is not ready
// or read-only.
func (a *app) complain(n *client.NodeStatus) {
	if n.Node == nil {
		return
	}
	if why := n.Node.NotVoting; why != "" {
		a.message("node %s: %s", n.Name, why)
	}
	for _, b := range n.Node.Backends {
		switch {
		case b.NotReady != "":
			a.message("node %s, group %d: %s", n.Name, b.Group, b.NotReady)
		case b.ReadOnly != "":
			a.message("node %s, group %d: %s", n.Name, b.Group, b.ReadOnly)
		}
	}
}

func nodeRow(n *client.NodeStatus) []string {
	groups := make([]string, len(n.Groups))
	for i, g := range n.Groups {
		groups[i] = strconv.Itoa(int(g))
	}
	state, uptime, epoch, objects, protocol := "down", "-", "-", "-", "-"
	if s := n.Node; s != nil {
		state, uptime, epoch = "up", formatAge(s.Uptime), strconv.FormatUint(uint64(s.Epoch), 10)
		protocol = s.Protocols.String()
		var count uint64
		for _, b := range s.Backends {
			count += b.Objects
			state = worse(state, b.NotReady != "", b.ReadOnly != "")
		}
		if s.NotVoting != "" {
			state = "wrong clock"
		}
		objects = strconv.FormatUint(count, 10)
	}
	return []string{n.Name, n.ID.Short(), state, uptime, protocol, strings.Join(groups, ","), epoch, objects, strings.Join(n.Addrs, " ")}
}

func routeCommand(a *app) *cobra.Command {
	table := -1
	c := a.ask(&cobra.Command{
		Use:   "route",
		Short: "Show the nodes' addresses, and which of them this client uses",
		Long: `Show every member's addresses with their route tables, as far as this client knows them, and the
node that told them (- = the layout); * marks those that it uses. A node with no address that it can use
is reached through another: "relay n2". Addresses with the same table number can reach one another.
Members of role client store nothing.

  foci route
  foci route --table 0`,
	}, func(_ context.Context, cl *client.Client) error {
		if table < -1 || table >= foci.MaxTable {
			return usagef("--table %d: want 0 to %d", table, foci.MaxTable-1)
		}
		return a.routes(cl.Routes(), table)
	})
	c.Flags().IntVar(&table, "table", -1, "show addresses of this table only; -1 = all")
	return c
}

// routes prints them; table -1 means all.
func (a *app) routes(routes []client.Route, table int) error {
	var rows [][]string
	for _, r := range routes {
		kept := r.Addrs[:0:0]
		for _, addr := range r.Addrs {
			if table < 0 || int(addr.Table) == table {
				kept = append(kept, addr)
			}
		}
		r.Addrs = kept
		if a.json {
			if err := a.print(r, nil); err != nil {
				return err
			}
			continue
		}
		told := r.ToldBy
		if told == "" {
			told = "-"
		}
		for _, addr := range kept {
			used := ""
			switch {
			case addr.Used:
				used = "*"
			case r.Via != "":
				used = "relay " + r.Via
			}
			rows = append(rows, []string{r.Name, r.ID.Short(), r.Role.String(), fmt.Sprint(addr.Table), addr.Addr, told, used})
		}
	}
	if a.json {
		return nil
	}
	return a.table("NODE ID ROLE TABLE ADDRESS TOLD-BY USED", rows)
}
