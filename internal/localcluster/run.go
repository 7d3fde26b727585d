package localcluster

import (
	"context"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Runner runs the processes of a local cluster.
type Runner struct {
	Respawn bool                              // start a node again when its process ends
	Command func(Node) *exec.Cmd              // makes a node's process
	Config  func(*Spec, Node) ([]byte, error) // makes the text of a node's ConfigFile

	// OnEvent is called for what happens, one call at a time.
	OnEvent func(Event) error

	// OnLine is called for each line that a node writes to standard error, from
	// several goroutines at once.
	OnLine func(Node, string)

	out sync.Mutex // held while OnEvent runs

	mu      sync.Mutex        // guards the fields below
	running map[string]*child // by node; nil while nothing may start
}

// Kinds of events.
const (
	Ready   = "ready"   // all nodes serve
	Exit    = "exit"    // a node's process has ended
	Respawn = "respawn" // a node's process was started again
	Failed  = "failed"  // a node's process could not be started again
)

// Event is what happened to a cluster.
type Event struct {
	Kind  string
	Nodes []Node // all nodes for Ready, else the one
	Err   error  // Exit: why, nil for a process that stopped; Failed: why

	// Index is why commands do not find the client's credential by themselves; nil
	// if they do. For Ready only.
	Index error
}

// readyWithin bounds how long the nodes may take to recover and serve.
const readyWithin = 2 * time.Minute

// Run starts the cluster, reports Ready once all nodes serve, and stops the nodes
// when ctx ends.
func (r *Runner) Run(ctx context.Context, l *Spec) error {
	nodes, err := r.prepare(l)
	if err != nil {
		return err
	}
	r.running = map[string]*child{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer r.stopAll()
	for i := range nodes {
		c, err := r.start(nodes[i])
		if err != nil {
			return err
		}
		nodes[i] = c.node
		watchers.Go(func() { r.watch(ctx, c) })
	}
	if err := r.awaitAll(ctx, nodes); err != nil {
		if ctx.Err() != nil {
			return nil // interrupted
		}
		return err
	}
	if err := r.event(Event{Kind: Ready, Nodes: nodes, Index: l.remember(nodes)}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// prepare checks what can be checked and writes what the nodes will read.
func (r *Runner) prepare(l *Spec) ([]Node, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(l.Dir)
	if err != nil {
		return nil, err
	}
	l.Dir = dir
	nodes := l.members()
	if err := l.claim(func() error { return portsFree(nodes) }); err != nil {
		return nil, err
	}
	return nodes, l.create(nodes, r.Config)
}

func (r *Runner) start(n Node) (*child, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		return nil, context.Canceled
	}
	c, err := spawn(n, r.Command, r.OnLine)
	if err == nil {
		r.running[n.Name] = c
	}
	return c, err
}

// stopAll stops all nodes at once and lets no new ones start.
func (r *Runner) stopAll() {
	r.mu.Lock()
	running := r.running
	r.running = nil
	r.mu.Unlock()
	var all sync.WaitGroup
	for _, c := range running {
		all.Go(c.stop)
	}
	all.Wait()
}

func (r *Runner) stopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running == nil
}

// respawnDelay keeps a node that cannot start from taking the machine.
const respawnDelay = time.Second

// watch reports the end of a node and, with Respawn, starts it again.
func (r *Runner) watch(ctx context.Context, c *child) {
	for {
		<-c.ended
		if ctx.Err() != nil || r.stopping() {
			return
		}
		_ = r.event(Event{Kind: Exit, Nodes: []Node{c.node}, Err: c.err})
		if !r.Respawn {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(respawnDelay):
		}
		next, err := r.start(c.node)
		if err != nil {
			if ctx.Err() == nil {
				_ = r.event(Event{Kind: Failed, Nodes: []Node{c.node}, Err: err})
			}
			return
		}
		c = next
		_ = r.event(Event{Kind: Respawn, Nodes: []Node{c.node}})
	}
}

func (r *Runner) awaitAll(ctx context.Context, nodes []Node) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, n := range nodes {
		r.mu.Lock()
		c := r.running[n.Name]
		r.mu.Unlock()
		if err := c.awaitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) event(e Event) error {
	r.out.Lock()
	defer r.out.Unlock()
	return r.OnEvent(e)
}
