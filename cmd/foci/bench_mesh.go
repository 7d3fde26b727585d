package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
)

// meshBenchFlags are what bench mesh is asked for.
type meshBenchFlags struct {
	time time.Duration
}

func benchMeshCommand(a *app) *cobra.Command {
	var b meshBenchFlags
	c := &cobra.Command{
		Use:   "mesh",
		Short: "Measure the mesh itself, on this machine alone",
		Long: `Measure links between two ends in this process, over TCP sockets on loopback: small requests, long
bodies, pings beside long bodies, and the loss of a connection under load. What the machine can do
without the mesh is measured in the same run and printed as the limit. No cluster is needed.

  foci bench mesh --time 5s --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if b.time < 100*time.Millisecond || b.time > time.Minute {
				return usagef("--time %v: want 100ms to 1m", b.time)
			}
			return a.benchMesh(c.Context(), &b)
		},
	}
	c.Flags().DurationVar(&b.time, "time", 2*time.Second, "how long each row is measured")
	return c
}

// meshRow is one figure of bench mesh.
type meshRow struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Limit is what it is compared with, measured in the same run, or wanted.
	Limit   float64 `json:"limit"`
	Of      string  `json:"limit_of"`
	Wanted  string  `json:"wanted"`
	Reached bool    `json:"reached"`
}

func (a *app) benchMesh(ctx context.Context, b *meshBenchFlags) error {
	var rows []meshRow
	for _, part := range []func(context.Context, time.Duration) ([]meshRow, error){
		benchRequests, benchBulk, benchIsolation, benchReset,
	} {
		more, err := part(ctx, b.time)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	return a.print(rows, func() error {
		var lines [][]string
		for _, r := range rows {
			lines = append(lines, []string{
				r.What, fmt.Sprintf("%.4g", r.Value), r.Unit, fmt.Sprintf("%.4g", r.Limit), r.Of, r.Wanted, map[bool]string{true: "yes", false: "no"}[r.Reached],
			})
		}
		return a.table("WHAT VALUE UNIT LIMIT OF WANTED REACHED", lines)
	})
}

// ratioRow compares with a limit of the same run.
func ratioRow(what string, value, limit float64, unit, of string, least float64) meshRow {
	return meshRow{
		What: what, Value: value, Unit: unit, Limit: limit, Of: of,
		Wanted: fmt.Sprintf(">=%.2gx", least), Reached: value >= least*limit,
	}
}

// atMost is a figure that should not be more than a multiple of another.
func atMost(what string, value, limit float64, unit, of string, most float64) meshRow {
	return meshRow{
		What: what, Value: value, Unit: unit, Limit: limit, Of: of,
		Wanted: fmt.Sprintf("<=%.3gx", most), Reached: value <= most*limit,
	}
}

// benchFailed is the error of a load that cannot be measured.
func benchFailed(what string, err error) error {
	return foci.Errorf(foci.Internal, "measuring %s: %w", what, err)
}
