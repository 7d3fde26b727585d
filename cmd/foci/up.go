package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

func upCommand(a *app) *cobra.Command {
	l := localCluster{}
	insecure := false
	u := up{app: a, command: serveProcess}
	c := &cobra.Command{
		Use:   "up",
		Short: "Run a local cluster, one process per node, until Ctrl-C",
		Long: `Run a cluster on this machine, one process per node, for trying out and for tests.
The first run makes it; later runs find its data in --dir again. It prints a table of its
nodes and then ready; with --json one object per line, the last one {"event":"ready",…}.

The first run also makes a cluster key, which members and clients must prove: other users of this
machine are neither. Each run makes client.credential and admin.credential in --dir anew, and writes
into the user's configuration directory (foci/local.json) that client.credential goes with these
ports, so that the commands of this user find it without a flag. A directory that was made without a
key, by --insecure or an older version, stays without one.

A node that dies is reported. It is started again only with --respawn; or by hand with
foci serve --config DIR/NODE/foci.toml. Ctrl-C stops the nodes in order, within 20 s; a second one
ends up at once, and its nodes end by themselves.

  foci up
  foci up --nodes 6 --groups 3 --dir /tmp/six --port 2000`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l.Key = !insecure
			return u.run(c.Context(), &l)
		},
	}
	f := c.Flags()
	f.IntVar(&l.Nodes, "nodes", 3, "how many nodes")
	f.IntVar(&l.Groups, "groups", 3, "how many groups, each one replica of everything; nodes are dealt to them in turn")
	f.IntVar(&l.Port, "port", 1025, "port of the first node; the next ones follow")
	f.StringVar(&l.dir, "dir", "foci-data", "directory of the cluster")
	f.StringVar(&l.Cluster, "cluster", defaultCluster, "name of the cluster")
	f.BoolVar(&insecure, "insecure", false, "make the cluster without a key: every user of this machine may read and write everything, and join")
	f.BoolVar(&u.respawn, "respawn", false, "start a node again when it dies")
	return c
}

// up runs the processes of a local cluster.
type up struct {
	app     *app
	respawn bool
	command func(localNode) *exec.Cmd // makes a node's process

	out  sync.Mutex // one event at a time
	deal sync.Mutex // guards running
	// running are the processes by node; nil once up is stopping.
	running map[string]*child
}

// readyWithin bounds how long the nodes may take to recover and serve.
const readyWithin = 2 * time.Minute

func (u *up) run(ctx context.Context, l *localCluster) error {
	u.app.allow(upWithin)
	nodes, err := u.prepare(l)
	if err != nil {
		return err
	}
	u.running = map[string]*child{}
	u.app.stderr = &lockedWriter{w: u.app.stderr}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer u.stopAll()
	for i := range nodes {
		c, err := u.start(nodes[i])
		if err != nil {
			return err
		}
		nodes[i] = c.node
		watchers.Go(func() { u.watch(ctx, c) })
	}
	if err := u.awaitAll(ctx, nodes); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted
		}
		return err
	}
	u.leaveCredential(l, nodes)
	if err := u.announce(nodes); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// prepare checks what can be checked and writes what the nodes will read.
func (u *up) prepare(l *localCluster) ([]localNode, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return nil, err
	}
	l.dir = dir
	nodes := l.members()
	if err := l.claim(func() error { return portsFree(nodes) }); err != nil {
		return nil, err
	}
	return nodes, l.create(nodes)
}

func (u *up) start(n localNode) (*child, error) {
	u.deal.Lock()
	defer u.deal.Unlock()
	if u.running == nil {
		return nil, context.Canceled
	}
	c, err := spawn(n, u.command, u.app.stderr)
	if err == nil {
		u.running[n.Name] = c
	}
	return c, err
}

// serveProcess is this very program as foci serve.
func serveProcess(n localNode) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.Command(self, "serve", "--json", "--stop-at-eof", "--config", filepath.Join(n.Dir, configFile))
	cmd.Env = append(os.Environ(), processors(os.Getenv("GOMAXPROCS")))
	return cmd
}

// processors gives a local node half of the machine's processors, unless it is
// said otherwise: several nodes share them, and Go threads that look for work
// in one process would take them from those that have some in another.
func processors(said string) string {
	if said == "" {
		said = strconv.Itoa(max(1, runtime.NumCPU()/2))
	}
	return "GOMAXPROCS=" + said
}

// stopAll stops all nodes at once and lets no new ones start.
func (u *up) stopAll() {
	u.deal.Lock()
	running := u.running
	u.running = nil
	u.deal.Unlock()
	var all sync.WaitGroup
	for _, c := range running {
		all.Go(c.stop)
	}
	all.Wait()
}

// respawnDelay keeps a node that cannot start from taking the machine.
const respawnDelay = time.Second

// watch reports the end of a node, and starts it again when that was asked for.
func (u *up) watch(ctx context.Context, c *child) {
	for {
		<-c.ended
		if ctx.Err() != nil {
			return
		}
		u.deal.Lock()
		stopping := u.running == nil
		u.deal.Unlock()
		if stopping {
			return
		}
		u.event(childEvent{Event: "exit", Node: c.node.Name, PID: c.node.PID, Reason: c.reason()})
		if !u.respawn {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(respawnDelay):
		}
		next, err := u.start(c.node)
		if err != nil {
			if ctx.Err() == nil {
				u.app.message("%v", err)
			}
			return
		}
		c = next
		u.event(childEvent{Event: "respawn", Node: c.node.Name, PID: c.node.PID})
	}
}

func (u *up) awaitAll(ctx context.Context, nodes []localNode) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, n := range nodes {
		u.deal.Lock()
		c := u.running[n.Name]
		u.deal.Unlock()
		if err := c.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// childEvent is the end or the new start of a node, as people and as scripts
// read it.
type childEvent struct {
	Event  string `json:"event"`
	Node   string `json:"node"`
	PID    int    `json:"pid"`
	Reason string `json:"reason,omitempty"`
}

func (u *up) event(e childEvent) {
	u.out.Lock()
	defer u.out.Unlock()
	if u.app.json {
		_ = writeJSON(u.app.stdout, e)
		return
	}
	if e.Event == "respawn" {
		u.app.message("node %s started again, pid %d", e.Node, e.PID)
		return
	}
	u.app.message("node %s (pid %d) died: %s", e.Node, e.PID, e.Reason)
}

// announce prints the nodes and that they are ready.
func (u *up) announce(nodes []localNode) error {
	u.out.Lock()
	defer u.out.Unlock()
	ready := readyEvent{Event: "ready", Nodes: nodes}
	return u.app.print(ready, func() error {
		rows := make([][]string, len(nodes))
		for i, n := range nodes {
			rows[i] = []string{n.Name, strconv.Itoa(n.PID), n.Addr.String(), strconv.Itoa(int(n.Group)), n.Dir}
		}
		if err := u.app.table("NODE PID ADDRESS GROUP DIRECTORY", rows); err != nil {
			return err
		}
		return u.app.line("ready")
	})
}

// lockedWriter lets several children's lines share one place.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
