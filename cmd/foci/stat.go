package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
)

// modified is the time of a version.
func modified(v foci.Version) time.Time { return time.Unix(0, v.Time) }

// objectInfo is what stat prints with --json.
type objectInfo struct {
	Key      string    `json:"key"`
	Version  string    `json:"version"`
	Base     string    `json:"base,omitempty"`
	Size     int64     `json:"size"`
	Appends  int       `json:"appends"`
	Modified time.Time `json:"modified"`
}

func statCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "stat KEY",
		Short: "Print an object's size, version and time",
		Long: `Print size, version and time of the object KEY, which is bucket/key, and how many appends
its content has since the put that it begins with (the base).

  foci stat docs/hello.txt --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := parseName(args[0])
			if err != nil {
				return err
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				info, err := s.Stat(c.Context(), name)
				if err != nil {
					return err
				}
				return a.printInfo(name, info)
			})
		},
	}
	r.add(a, c)
	r.addLevels(c, false)
	return c
}

func (a *app) printInfo(name foci.Name, info client.Info) error {
	o := objectInfo{
		Key: name.String(), Version: info.Version.String(), Size: info.Size,
		Appends: info.Appends, Modified: modified(info.Version).UTC(),
	}
	if !info.Base.IsZero() {
		o.Base = info.Base.String()
	}
	return a.print(o, func() error {
		rows := [][]string{
			{"key", printable(o.Key)},
			{"size", fmt.Sprintf("%d (%v)", o.Size, settings.Size(o.Size))},
			{"version", o.Version},
		}
		if o.Base != "" {
			rows = append(rows, []string{"base", o.Base})
		}
		return a.columns(append(rows, []string{"appends", strconv.Itoa(o.Appends)}, []string{"modified", formatTime(o.Modified)}))
	})
}

// historyLine is what history prints with --json, one for each transaction.
type historyLine struct {
	Version string    `json:"version"`
	Op      string    `json:"op"`
	Size    int64     `json:"size"`
	Time    time.Time `json:"time"`
}

func historyCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "history KEY",
		Short: "Print the transactions of an object, oldest first",
		Long: `Print the transactions of the object KEY, which is bucket/key, oldest first: every put,
append and remove that is kept. foci get --version reads the content as of one of them.

  foci history docs/hello.txt`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := parseName(args[0])
			if err != nil {
				return err
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				found := false
				for e, err := range s.History(c.Context(), name) {
					if err != nil {
						return err
					}
					found = true
					line := historyLine{e.Version.String(), e.Op.String(), e.Size, modified(e.Version).UTC()}
					if err := a.printHistory(line); err != nil {
						return err
					}
				}
				if !found {
					return &foci.Error{Kind: foci.NotFound, Op: "history", Where: name.String(), Msg: "there is no such object"}
				}
				return nil
			})
		},
	}
	r.add(a, c)
	r.addLevels(c, false)
	return c
}

func (a *app) printHistory(l historyLine) error {
	return a.print(l, func() error {
		return a.line("%s  %s  %-6s  %d", l.Version, formatTime(l.Time), l.Op, l.Size)
	})
}
