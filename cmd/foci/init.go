package main

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/layout"
)

func initCommand(a *app) *cobra.Command {
	var i initFlags
	c := &cobra.Command{
		Use:   "init --nodes FILE --out FILE",
		Short: "Make the first layout of a cluster of several hosts, and its keys and credentials",
		Long: `Make the first layout of a cluster from a file that lists its nodes. Run it once: a second run
makes another cluster with other identities.

  foci init --nodes nodes.toml --out home/layout.json
  foci init --nodes nodes.toml --out home/layout.json --tls

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

Beside the layout it writes cluster.key, which every node needs (key in foci.toml), and for clients
(--credential or FOCI_CREDENTIAL) client.credential, which may read and write, and admin.credential, which
may also administer. With --tls it also writes an authority of its own, ca.pem and ca.key, which signs in
place of the key, and a certificate and a private key for each node ([tls] in foci.toml). It prints what to
copy where. Without --out it prints the layout and writes nothing.

Then, on the host of each node, with layout.json and cluster.key in /srv/foci:

  foci serve --cluster home --name a --dir /srv/foci --key /srv/foci/cluster.key

foci credential makes further credentials. foci up makes a key and credentials by itself.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return i.run(a) },
	}
	f := c.Flags()
	f.StringVar(&i.nodes, "nodes", "", "file that lists the nodes; - reads standard input")
	f.StringVarP(&i.out, "out", "o", "", "write the layout to this file, and keys beside it; none of them may exist (default: the layout to standard output, no keys)")
	f.BoolVar(&i.tls, "tls", false, "make certificates for mutual TLS too")
	return c
}

// initFlags are the flags of init.
type initFlags struct {
	nodes, out string
	tls        bool
}

func (i *initFlags) run(a *app) error {
	switch {
	case i.nodes == "":
		return usagef("--nodes is missing: the file that lists the nodes; see foci help init")
	case i.tls && i.out == "":
		return usagef("--tls needs --out: certificates are written beside the layout")
	}
	text, err := readBounded(a, i.nodes, layout.MaxSize)
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
	if i.out == "" {
		_, err = a.stdout.Write(text)
		return err
	}
	files := []credential.File{{Name: filepath.Base(i.out), For: "every node, as layout.json in its directory", Text: text, Mode: 0o644}}
	more, err := credential.ForCluster(made, i.tls, time.Now())
	if err != nil {
		return err
	}
	files = append(files, more...)
	if err := credential.WriteNew("init", filepath.Dir(i.out), files); err != nil {
		return err
	}
	return a.printMade(filepath.Dir(i.out), files)
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
