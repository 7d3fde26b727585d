package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/transfer"
)

// The exit statuses; scripts rely on them.
const (
	statusDone     = 0
	statusFailed   = 1
	statusUsage    = 2
	statusNotFound = 3
	statusUnknown  = 4
)

// errReported ends a command that has already said what went wrong.
var errReported = errors.New("some of it failed")

// usageError is a command line that cannot be meant.
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

// status is the exit status of an error.
func status(err error) int {
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
