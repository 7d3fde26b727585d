package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/memory"
	"github.com/foci-store/foci/internal/metrics"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/status"
)

func serveCommand(a *app) *cobra.Command {
	var s serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run one node until it is told to stop",
		Long:  settings.Help,
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), &s) },
	}
	f := c.Flags()
	f.StringVar(&s.config, "config", "", "configuration file (default foci.toml, if there is one)")
	f.StringArrayVar(&s.addrs, "addr", nil, "address that others dial, host:port:family-table; repeatable")
	f.StringArrayVar(&s.seeds, "seed", nil, "peer to contact first, host:port:family or srv:name; repeatable")
	f.StringVar(&s.name, "name", "", "which node of the layout this is")
	f.StringVar(&s.dir, "dir", "", "directory of identity and layout")
	f.StringVar(&s.cluster, "cluster", "", "name of the cluster (default \""+settings.DefaultCluster+"\")")
	f.StringVar(&s.role, "role", "", "data, or client for a member that stores nothing")
	f.StringVar(&s.key, "key", "", "file with the cluster key; members and clients need certificates that it has signed")
	f.BoolVar(&s.insecure, "insecure", false, "listen beyond loopback without key or TLS: every process that reaches the node may read and write everything")
	f.StringVar(&s.multicast, "multicast", "", "group and port, like 239.17.19.23:1026, on which nodes of one cluster key find each other")
	f.StringVar(&s.metrics, "metrics", "", "IP:port at which to serve /metrics for Prometheus")
	f.StringVar(&s.metricsToken, "metrics-token", "", "file with the token that scrapers must send; needed when other machines reach --metrics")
	f.Uint32Var(&s.group, "group", 0, "group of a node with one backend")
	f.BoolVar(&s.stopAtEOF, "stop-at-eof", false, "stop when standard input ends, as when the parent process has ended")
	_ = f.MarkHidden("stop-at-eof")
	return c
}

// serveFlags are the flags of serve.
type serveFlags struct {
	config, name, dir, cluster, role, key, metrics, metricsToken, multicast string

	insecure     bool
	addrs, seeds []string
	group        uint32
	stopAtEOF    bool
}

// settings returns the settings of the file, overridden by the flags.
func (s *serveFlags) settings() (settings.Node, error) {
	c, err := s.file()
	if err != nil {
		return c, err
	}
	for flag, setting := range map[*string]*string{&s.name: &c.Name, &s.dir: &c.Dir, &s.cluster: &c.Cluster, &s.role: &c.Role, &s.key: &c.Key, &s.multicast: &c.Multicast, &s.metrics: &c.Metrics, &s.metricsToken: &c.MetricsToken} {
		if *flag != "" {
			*setting = *flag
		}
	}
	c.Insecure = c.Insecure || s.insecure
	if len(s.addrs) > 0 {
		c.Addresses = nil
	}
	for _, addr := range s.addrs {
		c.Addresses = append(c.Addresses, settings.Address{Addr: addr})
	}
	for _, text := range s.seeds {
		r, err := route.ParseRemote(text)
		if err != nil {
			return c, usage(err)
		}
		c.Seeds = append(c.Seeds, r)
	}
	if c.Dir == "" {
		return c, usagef("no directory: give --dir, or --config with a file in it")
	}
	if s.group > 0 {
		c.Backends = c.OneBackend(foci.Group(s.group))
	}
	return c, c.Complete()
}

// file reads the configuration file, if there is one or one was named.
func (s *serveFlags) file() (settings.Node, error) {
	if s.config != "" {
		return settings.Read(s.config)
	}
	c, err := settings.Read(settings.File)
	if errors.Is(err, fs.ErrNotExist) {
		return settings.Node{}, nil
	}
	return c, err
}

func (a *app) serve(ctx context.Context, s *serveFlags) error {
	a.allow(serveWithin)
	c, err := s.settings()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: c.Log}))
	cfg, err := c.Config(log)
	if err != nil {
		return err
	}
	var token *metrics.Token
	if c.MetricsToken != "" {
		if token, err = metrics.LoadToken(files.OS(), c.MetricsToken); err != nil {
			return err
		}
	}
	n, err := node.New(cfg)
	if err != nil {
		return err
	}
	closeFaces, err := faces(&c, n, token, log)
	if err != nil {
		return errors.Join(err, n.Close())
	}
	if err := a.printServing(n.Status()); err != nil {
		return errors.Join(err, closeFaces(), n.Close())
	}
	if s.stopAtEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, a.stdin)
			cancel()
		}()
	}
	go memory.Trim(ctx, log)
	<-ctx.Done()
	log.Info("stopping")
	return errors.Join(closeFaces(), n.Close())
}

// faces opens the node's other listeners and returns the function that closes them.
func faces(c *settings.Node, n *node.Node, token *metrics.Token, log *slog.Logger) (closeAll func() error, err error) {
	if c.Metrics == "" {
		return func() error { return nil }, nil
	}
	s, err := metrics.Serve(c.Metrics, token, n, log)
	if err != nil {
		return nil, err
	}
	return s.Close, nil
}

// printServing says that the node serves.
func (a *app) printServing(st status.Node) error {
	ready := struct {
		Event string `json:"event"`
		PID   int    `json:"pid"`
		status.Node
	}{"ready", os.Getpid(), st}
	if st.Epoch == 0 {
		a.message("no layout yet: until this node has one it owns nothing (put the layout.json that foci init made into its directory, or name a member as a seed)")
	}
	return a.print(ready, func() error {
		return a.line("node %s %s serves at %v with %d backends, layout epoch %d", st.Name, st.ID, st.Addrs, len(st.Backends), st.Epoch)
	})
}
