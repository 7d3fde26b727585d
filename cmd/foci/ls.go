package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/transfer"
)

// listLine is what ls prints with --json, one for each key or folder of keys.
type listLine struct {
	Key      string     `json:"key"`
	Folder   bool       `json:"folder,omitempty"` // keys below it are not shown
	Size     int64      `json:"size"`
	Version  string     `json:"version,omitempty"`
	Modified *time.Time `json:"modified,omitempty"`
}

func lsCommand(a *app) *cobra.Command {
	var r remoteFlags
	var recursive bool
	var after string
	var limit int
	c := &cobra.Command{
		Use:   "ls BUCKET[/PREFIX]",
		Short: "List the keys of a bucket, in order",
		Long: `List the keys of a bucket that begin with PREFIX, in order. Keys that share the part up
to the next slash are shown as one folder; -r shows every key. It sees every write that was done before it began.

A key with control characters, such as a line feed or an escape, is shown quoted,
also in a pipe, so that a line is always one key. Scripts take --json, which carries keys as they are.

  foci ls docs
  foci ls -r pictures/2026/ --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			bucket, prefix, _ := strings.Cut(strings.TrimPrefix(args[0], transfer.Scheme), "/")
			if err := foci.ValidateBucket(bucket); err != nil {
				return usage(err)
			}
			if limit < 0 {
				return usagef("--limit %d: want 0 or more", limit)
			}
			o := client.ListOptions{Prefix: prefix, After: after, Limit: limit}
			if !recursive {
				o.Delimiter = "/"
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				for item, err := range s.List(c.Context(), bucket, o) {
					if err != nil {
						return err
					}
					if err := a.printItem(item); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "show every key, not only up to the next slash")
	c.Flags().StringVar(&after, "after", "", "begin after this key")
	c.Flags().IntVar(&limit, "limit", 0, "show at most so many; 0 = all")
	r.add(a, c)
	r.addLevels(c, false)
	return c
}

func (a *app) printItem(i client.Item) error {
	l := listLine{Key: i.Key, Folder: i.Prefix, Size: i.Size}
	if !i.Prefix {
		at := i.Modified.UTC()
		l.Version, l.Modified = i.Version.String(), &at
	}
	return a.print(l, func() error {
		if i.Prefix {
			return a.line("%19s  %10s  %s", "", "", printable(i.Key))
		}
		return a.line("%s  %10d  %s", formatTime(i.Modified), i.Size, printable(i.Key))
	})
}
