package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/foci-store/foci"
)

// print writes v as one line of JSON with --json, else what people does.
func (a *app) print(v any, people func() error) error {
	if a.json {
		return json.NewEncoder(a.stdout).Encode(v)
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
	_ = json.NewEncoder(a.stderr).Encode(f) // there is no other place to say that this failed
}

// table writes rows under a header, in columns.
func (a *app) table(header string, rows [][]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	return w.Flush()
}

// printable is a key as people see it: quoted when it holds what a terminal
// would obey instead of show, such as a line feed. JSON carries keys as they are.
func printable(key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(key)
	}
	return key
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
