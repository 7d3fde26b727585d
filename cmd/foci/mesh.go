package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/peer"
)

func meshCommand(a *app) *cobra.Command {
	return a.ask(&cobra.Command{
		Use:   "mesh",
		Short: "Show the links between processes and their channels",
		Long: `Show, for every node and for this client, its links: one line for each channel that is open or
being opened, with its class, table, round trip, what is queued and in flight, and for a link
without channels why the last one was closed.

  foci mesh
  foci mesh --json`,
	}, func(ctx context.Context, c *client.Client) error {
		all, err := c.Mesh(ctx)
		if err != nil {
			return err
		}
		names := processNames(all)
		var rows [][]string
		for i := range all {
			p := &all[i]
			if a.json {
				if err := a.print(p, nil); err != nil {
					return err
				}
				continue
			}
			rows = append(rows, meshRows(p, names)...)
		}
		if a.json {
			return nil
		}
		return a.table("FROM TO CLASS N TABLE STATE AGE RTT QUEUED IN-FLIGHT SENT LAST-CLOSE", rows)
	})
}

// processNames are the processes' names by id, for tables.
func processNames[T any](all []client.ProcessStatus[T]) map[foci.NodeID]string {
	names := make(map[foci.NodeID]string, len(all))
	for _, p := range all {
		names[p.ID] = p.Name
	}
	return names
}

func nameOf(names map[foci.NodeID]string, id foci.NodeID) string {
	switch name := names[id]; {
	case name != "":
		return name
	case id.IsZero():
		return "-"
	}
	return id.Short()
}

func meshRows(p *client.ProcessStatus[mesh.Stats], names map[foci.NodeID]string) [][]string {
	if p.Is == nil {
		return [][]string{{p.Name, "-", "-", "-", "-", "no answer", "-", "-", "-", "-", "-", p.Error}}
	}
	var rows [][]string
	for i := range p.Is.Links {
		l := &p.Is.Links[i]
		to := nameOf(names, l.Peer.Node)
		open := 0
		for j := range l.Channels {
			c := &l.Channels[j]
			if c.State == "idle" {
				continue
			}
			open++
			rows = append(rows, []string{
				p.Name, to, c.Class.String(), strconv.Itoa(c.Index), fmt.Sprint(l.Peer.Table), c.State,
				formatAge(c.Age), formatAge(c.RTT), strconv.Itoa(c.Queued), strconv.Itoa(c.InFlight), strconv.FormatInt(c.Sent, 10), lastClose(l),
			})
		}
		if open == 0 {
			rows = append(rows, []string{p.Name, to, "-", "-", "-", "away", "-", "-", "-", strconv.FormatInt(l.InFlight, 10), "-", lastClose(l)})
		}
	}
	return rows
}

// lastClose is when and why a link last lost a channel.
func lastClose(l *mesh.LinkStats) string {
	if l.LastClose == "" {
		return "-"
	}
	return formatAge(time.Since(l.LastAt)) + " ago: " + l.LastClose
}

func txnsCommand(a *app) *cobra.Command {
	return a.ask(&cobra.Command{
		Use:   "txns",
		Short: "Show pending transactions, and how many were resent, stalled and lost",
		Long: `Show, for every node and for this client, the transactions that are on their way: to whom, by
which class and table, how old, how often sent; and what became of the earlier ones.

  foci txns
  foci txns --json`,
	}, func(ctx context.Context, c *client.Client) error {
		all, err := c.Txns(ctx)
		if err != nil {
			return err
		}
		if a.json {
			for i := range all {
				if err := a.print(all[i], nil); err != nil {
					return err
				}
			}
			return nil
		}
		return a.txns(all)
	})
}

func (a *app) txns(all []client.ProcessStatus[peer.TxnStatus]) error {
	names := processNames(all)
	var totals, pending [][]string
	for i := range all {
		p := &all[i]
		if p.Is == nil {
			totals = append(totals, []string{p.Name, "no answer: " + p.Error})
			continue
		}
		k := &p.Is.Counters
		row := []string{p.Name, strconv.Itoa(len(p.Is.Pending) + p.Is.More), byteSize(p.Is.Bytes).String()}
		for _, n := range []uint64{k.Submitted, k.Transmitted, k.Resent, k.Stalls, k.Parked, k.Done, k.Failed, k.Late} {
			row = append(row, strconv.FormatUint(n, 10))
		}
		totals = append(totals, row)
		for j := range p.Is.Pending {
			t := &p.Is.Pending[j]
			pending = append(pending, []string{
				p.Name, nameOf(names, t.Peer), t.Class.String(), fmt.Sprint(t.Table), t.State,
				byteSize(t.Size).String(), formatAge(t.Age), strconv.Itoa(t.Attempts),
			})
		}
	}
	if err := a.table("PROCESS PENDING HELD SUBMITTED SENT RESENT STALLED PARKED DONE FAILED LATE", totals); err != nil || len(pending) == 0 {
		return err
	}
	fmt.Fprintln(a.stdout)
	return a.table("PROCESS TO CLASS TABLE STATE SIZE AGE ATTEMPTS", pending)
}
