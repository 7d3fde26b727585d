package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
)

// nodePort is where every node listens, and metricsPort where it is measured.
const (
	nodePort    = 1025
	metricsPort = 9100

	metricsToken = "0123456789abcdef"
)

// Cluster is nodes on hosts, each a group of its own.
type Cluster struct {
	lab   *Lab
	hosts []*Host
	nodes map[*Host]*Process
	key   auth.Key // that all of them have
	proof string   // the file of a client's credential; "" = not made yet

	middle *Middle // through which all connections pass; nil: none
}

// Cluster makes and starts a cluster with a host for each name.
func (l *Lab) Cluster(names ...string) *Cluster {
	l.t.Helper()
	c := l.Planned("", names...)
	c.Start()
	return c
}

// Planned makes a cluster without starting it. What extra says stands in each
// node's foci.toml.
func (l *Lab) Planned(extra string, names ...string) *Cluster {
	l.t.Helper()
	var hosts []*Host
	for _, name := range names {
		hosts = append(hosts, l.Host(name))
	}
	return l.ClusterOn(extra, hosts...)
}

// ClusterOn makes a cluster on these hosts, without starting it.
func (l *Lab) ClusterOn(extra string, hosts ...*Host) *Cluster {
	l.t.Helper()
	c := &Cluster{lab: l, hosts: hosts, nodes: map[*Host]*Process{}}
	c.prepare(extra)
	return c
}

// ClusterThrough makes a cluster on these hosts whose nodes find each other at
// the middle alone, without starting it.
func (l *Lab) ClusterThrough(m *Middle, hosts ...*Host) *Cluster {
	l.t.Helper()
	c := &Cluster{lab: l, hosts: hosts, nodes: map[*Host]*Process{}, middle: m}
	c.prepare("")
	return c
}

// prepare writes the layout, and each node's files.
func (c *Cluster) prepare(extra string) {
	c.lab.t.Helper()
	c.init(c.address)
	for _, h := range c.hosts {
		c.Configure(h, extra)
	}
}

// address is what others dial to reach the node of a host.
func (c *Cluster) address(h *Host) string {
	if c.middle != nil {
		return c.middle.address(h)
	}
	return h.address()
}

// remote is the node of a host as a client names it.
func (c *Cluster) remote(h *Host) string {
	if c.middle != nil {
		return c.middle.remote(h)
	}
	return h.Remote()
}

// address is what others dial, in table 0.
func (h *Host) address() string { return fmt.Sprintf("%v:%d:2-0", h.Addr(), nodePort) }

// init writes the layout, which has these addresses for the nodes.
func (c *Cluster) init(addr func(*Host) string) {
	c.lab.t.Helper()
	var err error
	if c.key, err = auth.NewKey(rand.Reader); err != nil {
		c.lab.t.Fatal(err)
	}
	var plan strings.Builder
	fmt.Fprintf(&plan, "cluster = %q\n", c.name())
	for i, h := range c.hosts {
		fmt.Fprintf(&plan, "[[node]]\nname = %q\naddr = [%q]\n[[node.backend]]\ngroup = %d\n", h.name, addr(h), i+1)
	}
	cmd := exec.Command(binary, "init", "--nodes", "-")
	cmd.Stdin = strings.NewReader(plan.String())
	out, err := cmd.Output()
	if err != nil {
		c.lab.t.Fatalf("foci init: %v\n%s", err, plan.String())
	}
	for _, h := range c.hosts {
		h.File("node/layout.json", string(out))
	}
}

func (c *Cluster) name() string { return fmt.Sprintf("lab-%d", c.lab.lan.id) }

// Configure writes the foci.toml of a node of the layout, and the cluster's key.
func (c *Cluster) Configure(h *Host, extra string) {
	c.lab.t.Helper()
	c.write(h, fmt.Sprintf("name = %q\n%s", h.name, extra))
}

// Newcomer writes the foci.toml of a member that stores nothing, and starts it.
func (c *Cluster) Newcomer(h *Host, extra string) *Process {
	c.lab.t.Helper()
	c.write(h, "role = \"client\"\n"+extra)
	p := h.Start("serve", "--json", "--config", "node/foci.toml")
	p.AwaitReady()
	return p
}

func (c *Cluster) write(h *Host, settings string) {
	c.lab.t.Helper()
	h.File("node/cluster.key", string(c.key.Text()))
	h.File("node/metrics.token", metricsToken)
	listen := ""
	if c.middle != nil {
		listen = fmt.Sprintf("listen = \"%v:%d\"\n", h.Addr(), nodePort)
	}
	h.File("node/foci.toml", fmt.Sprintf("cluster = %q\nkey = \"cluster.key\"\nmetrics = \"%v:%d\"\nmetrics_token = \"metrics.token\"\n%s\n[[address]]\naddr = %q\n%s",
		c.name(), h.Addr(), metricsPort, settings, c.address(h), listen))
}

// credential is the file with which the lab's own clients prove themselves.
func (c *Cluster) credential() string {
	c.lab.t.Helper()
	if c.proof == "" {
		c.proof = c.CredentialOf("lab", rights.Full())
	}
	return c.proof
}

// CredentialOf makes the credential of a further client.
func (c *Cluster) CredentialOf(name string, r rights.Rights) (file string) {
	c.lab.t.Helper()
	ca, err := c.key.Authority()
	if err != nil {
		c.lab.t.Fatal(err)
	}
	text, err := ca.Client(name, r, time.Now())
	if err != nil {
		c.lab.t.Fatal(err)
	}
	return c.hosts[0].File(name+".credential", string(text))
}

// Start starts all nodes and waits until each serves.
func (c *Cluster) Start() {
	c.lab.t.Helper()
	for _, h := range c.hosts {
		c.nodes[h] = h.Start("serve", "--json", "--config", "node/foci.toml")
	}
	for _, h := range c.hosts {
		c.nodes[h].AwaitReady()
	}
}

// Restart starts the node of a host again and waits until it serves.
func (c *Cluster) Restart(h *Host) {
	c.lab.t.Helper()
	c.nodes[h] = h.Start("serve", "--json", "--config", "node/foci.toml")
	c.nodes[h].AwaitReady()
}

// Host is the host of that name.
func (c *Cluster) Host(name string) *Host {
	c.lab.t.Helper()
	for _, h := range c.hosts {
		if h.name == name {
			return h
		}
	}
	c.lab.t.Fatalf("no host %s", name)
	return nil
}

// Node is the process on the host of that name.
func (c *Cluster) Node(name string) *Process { return c.nodes[c.Host(name)] }

// Remote is the host as a client names it.
func (h *Host) Remote() string { return fmt.Sprintf("%v:%d:2", h.Addr(), nodePort) }

// Dial is a client, in the test's own process and on each of the lab's
// networks, that contacts these hosts first; none: all of the cluster.
func (c *Cluster) Dial(hosts ...*Host) *client.Client {
	c.lab.t.Helper()
	return c.DialAs(c.credential(), hosts...)
}

// DialAs is the same with the credential of another client.
func (c *Cluster) DialAs(credential string, hosts ...*Host) *client.Client {
	c.lab.t.Helper()
	if len(hosts) == 0 {
		hosts = c.hosts
	}
	cl, err := c.dial(credential, hosts...)
	if err != nil {
		c.lab.t.Fatal(err)
	}
	c.lab.t.Cleanup(func() { _ = cl.Close() })
	return cl
}

func (c *Cluster) dial(credential string, hosts ...*Host) (*client.Client, error) {
	cfg := client.Config{Timeout: 30 * time.Second, Cluster: c.name(), Credential: credential}
	for _, h := range hosts {
		cfg.Remotes = append(cfg.Remotes, c.remote(h))
	}
	ctx, cancel := context.WithTimeout(c.lab.t.Context(), patience)
	defer cancel()
	return client.Dial(ctx, cfg)
}

// refused is why a client with this credential is not let in.
func (c *Cluster) refused(credential string) error {
	cl, err := c.dial(credential, c.hosts...)
	if err == nil {
		_ = cl.Close()
	}
	return err
}

// CLI runs a foci command on a host, as a client of the cluster, and returns
// what it printed.
func (c *Cluster) CLI(h *Host, args ...string) (string, error) {
	c.lab.t.Helper()
	cmd := c.command(h, args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("foci %v: %w: %s", args, err, exit.Stderr)
	}
	return string(out), err
}

// command is a foci command line on a host, as a client of the cluster.
func (c *Cluster) command(h *Host, args ...string) *exec.Cmd {
	c.lab.t.Helper()
	cmd := h.command(binary, args...)
	var remotes []string
	for _, n := range c.hosts {
		remotes = append(remotes, c.remote(n))
	}
	cmd.Env = append(os.Environ(), "FOCI_REMOTE="+strings.Join(remotes, ","), "FOCI_CREDENTIAL="+c.credential(), "FOCI_CLUSTER="+c.name())
	return cmd
}
