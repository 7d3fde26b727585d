package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/transfer"
)

// print writes v as one line of JSON with --json, else calls people.
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

// failed prints why the command failed.
func (a *app) failed(err error) {
	if !a.json {
		a.message("%v", err)
		return
	}
	f := failure{Error: err.Error(), Kind: foci.KindOf(err).String(), Status: exitStatus(err)}
	if all := foci.Replicas(nil); errors.As(err, &all) {
		f.Replicas = all
	}
	_ = writeJSON(a.stderr, f) // an error here cannot be reported anywhere
}

// formatTime is how times are shown to people: local, to the second.
func formatTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// formatAge formats a duration for people: 350ms, 12.3s, 4m10s, 26h0m0s.
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

// The exit statuses; scripts rely on them.
const (
	statusDone     = 0
	statusFailed   = 1
	statusUsage    = 2
	statusNotFound = 3
	statusUnknown  = 4
)

// errReported ends a command that has already printed its errors.
var errReported = errors.New("some of it failed")

// usageError is the error of an invalid command line.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

// usage marks an error as the caller's wrong usage.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// usagef makes a usage error.
func usagef(format string, args ...any) error {
	return usage(foci.Errorf(foci.Invalid, format, args...))
}

// usageArgs turns what an argument check finds into a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usagef("%w; see %s --help", err, c.CommandPath())
		}
		return nil
	}
}

// exitStatus is the exit status of an error.
func exitStatus(err error) int {
	var u *usageError
	var argument *transfer.ArgumentError
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &u), errors.As(err, &argument):
		return statusUsage
	}
	switch foci.KindOf(err) {
	case foci.NotFound:
		return statusNotFound
	case foci.OutcomeUnknown:
		return statusUnknown
	}
	return statusFailed
}
