package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"github.com/foci-store/foci/cmd/foci/internal/settings"
	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/localcluster"
)

func upCommand(a *app) *cobra.Command {
	var l localcluster.Spec
	insecure := false
	respawn := false
	c := &cobra.Command{
		Use:   "up",
		Short: "Run a local cluster, one process per node, until Ctrl-C",
		Long: `Run a cluster on this machine, one process per node, for trying out and for tests.
The first run makes it; later runs find its data in --dir again. It prints a table of its
nodes and then ready; with --json one object per line, the last one {"event":"ready",…}.

The first run also makes a cluster key, which signs members and clients: other users of this
machine are neither. Each run makes new client.credential and admin.credential in --dir, and enters
client.credential for these ports in foci/local.json of the user's configuration directory, so that
the commands of this user find it without a flag. A directory that was made without a
key, by --insecure or an older version, stays without one.

A node that dies is reported. It is started again only with --respawn; or by hand with
foci serve --config DIR/NODE/foci.toml. Ctrl-C stops the nodes in order, within 20 s; a second one
ends up at once, and its nodes end on their own.

  foci up
  foci up --nodes 6 --groups 3 --dir /tmp/six --port 2000`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l.Key = !insecure
			if err := l.Validate(); err != nil {
				return usage(err)
			}
			return a.up(c.Context(), &l, respawn)
		},
	}
	f := c.Flags()
	f.IntVar(&l.Nodes, "nodes", 3, "how many nodes")
	f.IntVar(&l.Groups, "groups", 3, "how many groups, each one replica of everything; nodes are dealt to them in turn")
	f.IntVar(&l.Port, "port", 1025, "port of the first node; the next ones follow")
	f.StringVar(&l.Dir, "dir", "foci-data", "directory of the cluster")
	f.StringVar(&l.Cluster, "cluster", settings.DefaultCluster, "name of the cluster")
	f.BoolVar(&insecure, "insecure", false, "make the cluster without a key: every user of this machine may read and write everything, and join")
	f.BoolVar(&respawn, "respawn", false, "start a node again when it dies")
	return c
}

func (a *app) up(ctx context.Context, l *localcluster.Spec, respawn bool) error {
	a.allow(upWithin)
	a.stderr = &lockedWriter{w: a.stderr}
	r := localcluster.Runner{
		Respawn: respawn, Command: serveProcess, Config: localConfig,
		OnEvent: func(e localcluster.Event) error { return a.localEvent(l, e) },
		OnLine:  a.childLine,
	}
	return r.Run(ctx, l)
}

// serveProcess returns the command that runs this program as foci serve.
func serveProcess(n localcluster.Node) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.Command(self, "serve", "--json", "--stop-at-eof", "--config", filepath.Join(n.Dir, settings.File))
	cmd.Env = append(os.Environ(), processors(os.Getenv("GOMAXPROCS")))
	return cmd
}

// processors gives a local node half of the machine's processors, unless the
// environment says otherwise: several nodes share them, and idle threads of one Go
// process, which spin in search of work, would take them from busy ones of another.
func processors(given string) string {
	if given == "" {
		given = strconv.Itoa(max(1, runtime.NumCPU()/2))
	}
	return "GOMAXPROCS=" + given
}

// localConfig is foci.toml of a local node.
func localConfig(l *localcluster.Spec, n localcluster.Node) ([]byte, error) {
	key := ""
	if l.Key {
		key = filepath.Join("..", credential.KeyFile)
	}
	return toml.Marshal(settings.Node{
		Cluster:   l.Cluster,
		Key:       key,
		Name:      n.Name,
		Log:       slog.LevelWarn, // nodes that start one after the other miss each other for a moment
		Addresses: []settings.Address{{Addr: n.Addr.String()}},
		Backends:  []settings.Backend{{Dir: "data", Group: n.Group}},
	})
}

// readyEvent is what up prints with --json once all nodes serve.
type readyEvent struct {
	Event string              `json:"event"`
	Nodes []localcluster.Node `json:"nodes"`
}

// childEvent is what up prints with --json when a node ends or starts again.
type childEvent struct {
	Event  string `json:"event"`
	Node   string `json:"node"`
	PID    int    `json:"pid"`
	Reason string `json:"reason,omitempty"`
}

// localEvent prints what happened to the cluster.
func (a *app) localEvent(l *localcluster.Spec, e localcluster.Event) error {
	if e.Kind == localcluster.Ready {
		return a.printReady(l, e)
	}
	if e.Kind == localcluster.Failed {
		a.message("%v", e.Err)
		return nil
	}
	n := e.Nodes[0]
	line := childEvent{Event: e.Kind, Node: n.Name, PID: n.PID}
	if e.Kind == localcluster.Exit {
		line.Reason = localcluster.Reason(e.Err)
	}
	return a.print(line, func() error {
		if e.Kind == localcluster.Respawn {
			a.message("node %s started again, pid %d", n.Name, n.PID)
		} else {
			a.message("node %s (pid %d) died: %s", n.Name, n.PID, line.Reason)
		}
		return nil
	})
}

// printReady prints the nodes and that they serve.
func (a *app) printReady(l *localcluster.Spec, e localcluster.Event) error {
	switch {
	case !l.Key:
		a.message("this cluster has no key: every user of this machine may read and write everything, and join it; a new --dir gets one")
	case e.Index != nil:
		a.message("commands do not find their credential by themselves (%v): say --credential %s, or set FOCI_CREDENTIAL", e.Index, l.ClientCredential())
	}
	return a.print(readyEvent{e.Kind, e.Nodes}, func() error {
		rows := make([][]string, len(e.Nodes))
		for i, n := range e.Nodes {
			rows[i] = []string{n.Name, strconv.Itoa(n.PID), n.Addr.String(), strconv.Itoa(int(n.Group)), n.Dir}
		}
		if err := a.table("NODE PID ADDRESS GROUP DIRECTORY", rows); err != nil {
			return err
		}
		return a.line("ready")
	})
}

// lockedWriter serializes the writes of several children.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
