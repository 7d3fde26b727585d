package main

import (
	"crypto/rand"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/layout"
)

func initCommand(a *app) *cobra.Command {
	var nodes, out string
	c := &cobra.Command{
		Use:   "init --nodes FILE",
		Short: "Make the first layout of a cluster of several hosts",
		Long: `Make the first layout of a cluster from a file that lists its nodes, and print it. Copy
the output to each node, as layout.json in the directory that its foci.toml names. Do this once:
run again, it makes another cluster with other identities.

  foci init --nodes nodes.toml --out layout.json

nodes.toml:

  cluster = "home"
  [[node]]
  name = "a"
  addr = ["10.0.0.17:1025:2-0"]
  [[node.backend]]
  group = 1
  dir = "/srv/foci/a"

  [[node]]
  …

Then, on the host of each node:

  foci serve --cluster home --name a --dir /srv/foci

foci up does all this by itself for a cluster on one machine.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return initCluster(a, nodes, out) },
	}
	c.Flags().StringVar(&nodes, "nodes", "", "file that lists the nodes; - reads standard input")
	c.Flags().StringVarP(&out, "out", "o", "", "write the layout to this file, which must not exist, instead of standard output")
	return c
}

func initCluster(a *app, nodes, out string) error {
	if nodes == "" {
		return usagef("--nodes is missing: the file that lists the nodes; see foci help init")
	}
	text, err := readBounded(a, nodes, layout.MaxSize)
	if err != nil {
		return err
	}
	plan, err := layout.ParsePlan(text)
	if err != nil {
		return err
	}
	made, err := layout.Init(plan, rand.Reader)
	if err != nil {
		return err
	}
	if text, err = made.Marshal(); err != nil {
		return err
	}
	if out == "" {
		_, err = a.stdout.Write(text)
		return err
	}
	if _, err := os.Lstat(out); err == nil {
		return &foci.Error{Kind: foci.Invalid, Op: "init", Where: out, Msg: "the file exists", Fix: "a second layout makes a second cluster; remove the file if that is meant"}
	}
	return writeWhole(out, text)
}

// readBounded reads a file, or standard input for "-", of at most limit bytes.
func readBounded(a *app, path string, limit int64) ([]byte, error) {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(text)) > limit {
		return nil, foci.Errorf(foci.TooLarge, "%s: over %d bytes", path, limit)
	}
	return text, err
}
