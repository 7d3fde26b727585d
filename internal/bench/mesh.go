package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/foci-store/foci"
)

// Row is one figure of [Mesh].
type Row struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Limit is the figure that Value is compared with: measured in the same run, or wanted.
	Limit   float64 `json:"limit"`
	Of      string  `json:"limit_of"`
	Wanted  string  `json:"wanted"`
	Reached bool    `json:"reached"`
}

// Mesh measures links between two ends in this process over loopback, each row
// for d: small requests, long bodies, pings beside long bodies, and the loss of a
// connection under load.
func Mesh(ctx context.Context, d time.Duration) ([]Row, error) {
	var rows []Row
	for _, part := range []func(context.Context, time.Duration) ([]Row, error){
		meshRequests, meshBulk, meshIsolation, meshReset,
	} {
		more, err := part(ctx, d)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// ratioRow wants value to be at least a multiple of a limit of the same run.
func ratioRow(what string, value, limit float64, unit, of string, least float64) Row {
	return Row{
		What: what, Value: value, Unit: unit, Limit: limit, Of: of,
		Wanted: fmt.Sprintf(">=%.2gx", least), Reached: value >= least*limit,
	}
}

// atMost wants value to be at most a multiple of the limit.
func atMost(what string, value, limit float64, unit, of string, most float64) Row {
	return Row{
		What: what, Value: value, Unit: unit, Limit: limit, Of: of,
		Wanted: fmt.Sprintf("<=%.3gx", most), Reached: value <= most*limit,
	}
}

// unmeasured is the error of a load that cannot be measured.
func unmeasured(what string, err error) error {
	return foci.Errorf(foci.Internal, "measuring %s: %w", what, err)
}
