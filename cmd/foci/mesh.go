package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
)

func meshCommand(a *app) *cobra.Command {
	return a.ask(&cobra.Command{
		Use:   "mesh",
		Short: "Show the links between processes and their channels",
		Long: `Show, for every node and for this client, its links: one line for each channel that is open or
being opened, with its class, its table, both addresses, the median and the 99th of 100 of its last
64 pings, what is queued and in flight (messages, and bytes where there are any), how many requests
were sent again elsewhere when it was lost, and when and why the channel before it ended or could
not be opened.

A channel shows the state of its link if that is not up: suspect and down mean that the peer is
unreachable, one-way that only the peer has channels to this process; requests then use a relay.
Below are the sums of relayed requests, and the use of each node's limits, with the five principals
that hold the most (- is all unauthenticated peers): one may hold an eighth.

  foci mesh
  foci mesh --json`,
	}, func(ctx context.Context, c *client.Client) error {
		all, err := c.Mesh(ctx)
		if err != nil {
			return err
		}
		names := processNames(all)
		var rows, forwards, shares [][]string
		for i := range all {
			p := &all[i]
			if a.json {
				if err := a.print(p, nil); err != nil {
					return err
				}
				continue
			}
			rows = append(rows, meshRows(p, names)...)
			forwards = append(forwards, forwardRow(p)...)
			shares = append(shares, shareRows(p)...)
		}
		if a.json {
			return nil
		}
		if err := a.table(meshHeader, rows); err != nil {
			return err
		}
		if len(forwards) > 0 {
			if err := a.table("NODE RELAYS DONE FAILED BYTES", forwards); err != nil {
				return err
			}
		}
		if len(shares) == 0 {
			return nil
		}
		return a.table(sharesHeader, shares)
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

const meshHeader = "FROM TO CLASS N TABLE STATE LOCAL REMOTE AGE P50 P99 QUEUED IN-FLIGHT SENT MOVED LAST-CLOSE"

func meshRows(p *client.ProcessStatus[client.MeshStatus], names map[foci.NodeID]string) [][]string {
	if p.Is == nil {
		return [][]string{{p.Name, "-", "-", "-", "-", "no answer", "-", "-", "-", "-", "-", "-", "-", "-", "-", p.Error}}
	}
	var rows [][]string
	for i := range p.Is.Links {
		l := &p.Is.Links[i]
		to := nameOf(names, l.Peer.Node)
		shown := 0
		for j := range l.Channels {
			if c := &l.Channels[j]; c.State != "idle" {
				shown++
				rows = append(rows, append([]string{p.Name, to}, channelRow(l, c)...))
			}
		}
		if shown == 0 {
			rows = append(rows, []string{
				p.Name, to, "-", "-", "-", linkState(l), "-", "-", "-", "-", "-", strconv.Itoa(l.Waiting),
				amount(l.InFlight, l.Bytes), "-", strconv.FormatInt(l.Moved, 10), lastClose(l.LastClose, l.LastAt),
			})
		}
	}
	return rows
}

// forwardRow is the row of the requests that a process has relayed; nil if there are
// none.
func forwardRow(p *client.ProcessStatus[client.MeshStatus]) [][]string {
	if p.Is == nil || p.Is.Forwarded == (client.RelayStatus{}) {
		return nil
	}
	f := &p.Is.Forwarded
	return [][]string{{
		p.Name, strconv.FormatInt(f.Now, 10), strconv.FormatInt(f.Done, 10), strconv.FormatInt(f.Failed, 10), settings.Size(f.Bytes).String(),
	}}
}

func channelRow(l *client.LinkStatus, c *client.ChannelStatus) []string {
	state := c.State
	if !l.Up {
		state = linkState(l) + ":" + state
	}
	row := []string{c.Class.String(), strconv.Itoa(c.Index), "-", state, "-", "-", "-"}
	if c.Local != "" {
		row = []string{c.Class.String(), strconv.Itoa(c.Index), fmt.Sprint(c.Peer.Table), state, c.Local, c.Peer.Addr, formatAge(c.Age)}
	}
	trip := func(d time.Duration) string {
		if d == 0 {
			return "-" // no ping was answered
		}
		return formatAge(d)
	}
	return append(row, trip(c.RTTp50), trip(c.RTTp99), amount(int64(c.Queued), c.QueuedB), amount(int64(c.InFlight), c.Bytes),
		strconv.FormatInt(c.Sent, 10), strconv.FormatInt(c.Moved, 10), lastClose(c.LastClose, c.LastAt))
}

// linkState is a word for the state of the peer.
func linkState(l *client.LinkStatus) string {
	if l.OneWay {
		return "one-way"
	}
	return l.State
}

// amount formats a number of messages, and their bytes if there are any.
func amount(messages, bytes int64) string {
	if bytes == 0 {
		return strconv.FormatInt(messages, 10)
	}
	return fmt.Sprintf("%d/%v", messages, settings.Size(bytes))
}

// lastClose formats when and why the last channel ended.
func lastClose(why string, at time.Time) string {
	if why == "" {
		return "-"
	}
	return formatAge(time.Since(at)) + " ago: " + why
}

const sharesHeader = "NODE LIMIT USED OF HELD-BY"

// shareRows are the rows of the limits of a node that are in use, with the largest
// holder of each.
func shareRows(p *client.ProcessStatus[client.MeshStatus]) [][]string {
	if p.Is == nil {
		return nil
	}
	var rows [][]string
	for limit, is := range p.Is.Shares.All() {
		if is.Used == 0 {
			continue
		}
		number := func(n int64) string { return strconv.FormatInt(n, 10) }
		if strings.Contains(limit, "bytes") {
			number = func(n int64) string { return settings.Size(n).String() }
		}
		var holders []string
		for i := range is.Top {
			holders = append(holders, fmt.Sprintf("%s:%s", is.Top[i].Name(), number(is.Top[i].Used)))
		}
		rows = append(rows, []string{p.Name, limit, number(is.Used), number(is.Limit), strings.Join(holders, ",")})
	}
	return rows
}
