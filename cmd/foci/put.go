package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

func putCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "put KEY [FILE|-]",
		Short: "Store a file, or standard input, as an object",
		Long: `Store a file, or standard input, as the object KEY, which is bucket/key, and print its
version. The object's earlier content is replaced, and stays in its history. A bucket comes into
being with its first object.

  foci put docs/hello.txt hello.txt
  tar c . | foci put backup/monday.tar`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.write(c, &r, args, func(s *client.Session, n foci.Name, in io.Reader, size int64) (client.Result, error) {
				return s.Put(c.Context(), n, in, size, client.PutOptions{})
			})
		},
	}
	r.add(a, c)
	r.addLevels(c, true)
	return c
}

func appendCommand(a *app) *cobra.Command {
	var r remoteFlags
	c := &cobra.Command{
		Use:   "append KEY [FILE|-]",
		Short: "Add a file, or standard input, to the end of an object",
		Long: `Add a file, or standard input, to the end of the object KEY, which is bucket/key, and print
the version of the addition. An object that does not exist starts from empty. Concurrent
appends are neither lost nor doubled; two that overlap in time may be in either order.

  date | foci append logs/days.txt
  foci append logs/2026.log today.log`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			return a.write(c, &r, args, func(s *client.Session, n foci.Name, in io.Reader, size int64) (client.Result, error) {
				return s.Append(c.Context(), n, in, size)
			})
		},
	}
	r.add(a, c)
	r.addLevels(c, true)
	return c
}

// written is what put and append print with --json.
type written struct {
	Key     string `json:"key"`
	Version string `json:"version"`
	Size    int64  `json:"size"`
	Chunks  int    `json:"chunks"`
}

// write is what put and append share: the input, its progress, the output.
func (a *app) write(c *cobra.Command, r *remoteFlags, args []string, do func(*client.Session, foci.Name, io.Reader, int64) (client.Result, error)) error {
	name, err := parseName(args[0])
	if err != nil {
		return err
	}
	in, size, done, err := a.input(c.Context(), args[1:])
	if err != nil {
		return err
	}
	defer done()
	return r.session(c.Context(), a, func(s *client.Session) error {
		bar := a.bar(args[0], size)
		res, err := do(s, name, bar.reader(in), size)
		bar.done()
		if err != nil {
			return err
		}
		return a.print(written{name.String(), res.Version.String(), res.Size, res.Chunks}, func() error {
			return a.line("%v", res.Version)
		})
	})
}

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
		Long: `Remove the objects KEY…, each bucket/key, and print the versions of the removals. Removing an object
that does not exist is no error. The content stays in the object's history for as long as it is kept.

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
