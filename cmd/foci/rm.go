package main

import (
	"github.com/spf13/cobra"

	"github.com/foci-store/foci/client"
)

// removed is what rm prints with --json.
type removed struct {
	Key     string `json:"key"`
	Version string `json:"version"`
}

func rmCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "rm KEY…",
		Short: "Remove objects",
		Long: `Remove the objects KEY…, each bucket/key, and print the versions of the removals. Removing what
does not exist is no error. The content stays in the object's history for as long as it is kept.

  foci rm docs/hello.txt docs/old.txt`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			for _, arg := range args {
				if _, err := parseName(arg); err != nil {
					return err // before any is removed
				}
			}
			return r.session(c.Context(), a, func(s *client.Session) error {
				for _, arg := range args {
					name, err := parseName(arg)
					if err != nil {
						return err
					}
					v, err := s.Remove(c.Context(), name)
					if err != nil {
						return err
					}
					err = a.print(removed{name.String(), v.String()}, func() error {
						return a.line("%v", v)
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	r.add(a, c)
	r.addLevels(c, true)
	return c
}
