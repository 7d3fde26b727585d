package main

import (
	"errors"
	"time"

	"github.com/foci-store/foci"
)

// print writes v as one line of JSON with --json, else what people does.
func (a *app) print(v any, people func() error) error {
	if a.json {
		return writeJSON(a.stdout, v)
	}
	return people()
}

// failure is how a command with --json says on standard error why it failed.
type failure struct {
	Error    string         `json:"error"`
	Kind     string         `json:"kind"`
	Status   int            `json:"status"`             // the exit status
	Replicas []foci.Replica `json:"replicas,omitempty"` // each replica, and what became of the operation there
}

// failed says why the command failed.
func (a *app) failed(err error) {
	if !a.json {
		a.message("%v", err)
		return
	}
	f := failure{Error: err.Error(), Kind: foci.KindOf(err).String(), Status: status(err)}
	if all := foci.Replicas(nil); errors.As(err, &all) {
		f.Replicas = all
	}
	_ = writeJSON(a.stderr, f) // there is no other place to say that this failed
}

// formatTime is how times are shown to people: local, to the second.
func formatTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// formatAge is a duration as people say it: 350ms, 12.3s, 4m10s, 26h0m0s.
func formatAge(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
