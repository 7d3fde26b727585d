package main

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/cmd/foci/internal/settings"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/credential"
)

// defaultRemote is the first node that foci up starts.
const defaultRemote = "127.0.0.1:1025:2"

// remoteFlags are the flags that say which cluster a client command uses, and how.
type remoteFlags struct {
	remotes    []string
	tables     string
	cluster    string
	sniff      bool
	credential string
	ack        levelFlag
	read       levelFlag
	timeout    time.Duration
	stall      time.Duration
	resends    int
	ask        string
	traced     bool
	trace      foci.TraceID // once the command runs, when traced

	each    bool            // --timeout bounds each of many operations, not the command
	bounded bool            // --timeout was given, and bounds the command
	signals context.Context // of the command, without the bound of --timeout
}

// The defaults of --stall and --resends: those of a session.
const (
	defaultStall   = 2 * time.Second
	defaultResends = 5
)

// askModes are the values of --ask; without it a command uses the default mode.
var askModes = map[string]client.AskMode{"": 0, "nearest": client.AskNearest, "all": client.AskAll}

// defaultTimeout is a session's deadline for one operation.
const defaultTimeout = 30 * time.Second

// add gives a client command its flags, and wraps what it runs.
func (r *remoteFlags) add(a *app, c *cobra.Command) {
	c.RunE = r.command(a, c.RunE)
	f := c.Flags()
	f.StringArrayVarP(&r.remotes, "remote", "R", nil, "node to contact, host:port:family or srv:name; repeatable (default $FOCI_REMOTE, else "+defaultRemote+")")
	f.StringVar(&r.tables, "tables", "", "route tables that may be used, in order, like 0,2 (default: the one by which the first node was reached)")
	f.StringVar(&r.cluster, "cluster", "", "name of the cluster; nodes of any other refuse (default $FOCI_CLUSTER, else that of the first node)")
	f.StringVar(&r.credential, "credential", "", "file with the credential of this client, as foci init makes it (default $FOCI_CREDENTIAL, else that of a local cluster made by foci up, else none)")
	f.BoolVar(&r.sniff, "sniff", true, "use all nodes of the cluster; false: use only those of --remote, which relay to the others")
	timeout := "how long the command may take, its input included; unless given, each operation may take"
	if r.each {
		timeout = "how long each operation may take"
	}
	f.DurationVar(&r.timeout, "timeout", defaultTimeout, timeout)
	f.DurationVar(&r.stall, "stall", defaultStall, "a request without an answer for this long is sent again, then after twice as long, up to 8 times")
	f.IntVar(&r.resends, "resends", defaultResends, "how often a request without an answer is sent again before it fails; 0 = never")
}

// command wraps what a command runs. A given --timeout bounds the whole command with
// its input. The default bounds each operation only: slow input, as in
// tar c . | foci put, must not fail the command.
func (r *remoteFlags) command(a *app, run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		r.signals = c.Context()
		if r.each || !c.Flags().Changed("timeout") || r.timeout <= 0 {
			return run(c, args)
		}
		ctx, cancel := context.WithTimeoutCause(r.signals, r.timeout, errTimeout)
		defer cancel()
		r.bounded = !mutant.On(mutant.EndlessInput)
		if r.bounded {
			c.SetContext(ctx)
			defer a.follow(ctx, r.afterTimeout)()
		}
		return run(c, args)
	}
}

// afterTimeout returns how long a command may continue after its --timeout.
func (r *remoteFlags) afterTimeout() time.Duration {
	if r.traced {
		return traceWait + endWithin
	}
	return endWithin
}

// addLevels adds the flags of commands that read or write objects.
func (r *remoteFlags) addLevels(c *cobra.Command, writes bool) {
	if writes {
		c.Flags().Var(&r.ack, "ack", "groups that must have stored a write before it is done: one, quorum or all")
	}
	c.Flags().Var(&r.read, "read", "groups that must have voted before a read is answered: one, quorum or all")
	c.Flags().StringVar(&r.ask, "ask", "nearest", "which groups are asked first: nearest, and one more when one is late; or all at once")
	c.Flags().BoolVar(&r.traced, "trace", false, "show every step that the operation took, on all nodes")
	c.PreRun = func(c *cobra.Command, _ []string) {
		if r.traced {
			r.trace = foci.TraceID(rand.Uint64()).Note()
			c.SetContext(client.WithTrace(c.Context(), r.trace))
		}
	}
}

// levelFlag is a foci.Level as a flag.
type levelFlag struct{ foci.Level }

// Set reads one, quorum or all.
func (l *levelFlag) Set(s string) error { return l.UnmarshalText([]byte(s)) }

// Type names the flag's value in help texts.
func (l *levelFlag) Type() string { return "level" }

// config returns the configuration from the flags and the environment.
func (r *remoteFlags) config() (client.Config, error) {
	if _, ok := askModes[r.ask]; !ok {
		return client.Config{}, usagef("--ask %.80q: want nearest or all", r.ask)
	}
	if r.timeout <= 0 {
		return client.Config{}, usagef("--timeout %v: want more than 0", r.timeout)
	}
	if r.stall < settings.MinStall || r.stall > settings.MaxStall {
		return client.Config{}, usagef("--stall %v: want %v to %v", r.stall, settings.MinStall, settings.MaxStall)
	}
	if r.resends < 0 || r.resends > settings.MaxResends {
		return client.Config{}, usagef("--resends %d: want 0 to %d", r.resends, settings.MaxResends)
	}
	resends := r.resends
	if resends == 0 {
		resends = -1 // 0 in the configuration means the default
	}
	remotes := r.remotes
	if len(remotes) == 0 {
		// Fields: several remotes may stand in the variable.
		remotes = strings.FieldsFunc(os.Getenv("FOCI_REMOTE"), func(c rune) bool { return c == ',' || c == ' ' })
	}
	if len(remotes) == 0 {
		remotes = []string{defaultRemote}
	}
	var parsed []route.Remote
	for _, s := range remotes {
		one, err := route.ParseRemote(s)
		if err != nil {
			return client.Config{}, usage(err)
		}
		parsed = append(parsed, one)
	}
	tables, err := parseTables(r.tables)
	if err != nil {
		return client.Config{}, err
	}
	cluster := r.cluster
	if cluster == "" {
		cluster = os.Getenv("FOCI_CLUSTER")
	}
	proof := r.credential
	if proof == "" {
		proof = os.Getenv("FOCI_CREDENTIAL")
	}
	if proof == "" {
		if proof, err = credential.Find(parsed); err != nil {
			return client.Config{}, err
		}
	}
	return client.Config{Remotes: remotes, Tables: tables, Cluster: cluster, Credential: proof, Timeout: r.timeout, Stall: r.stall, Resends: resends, Stay: !r.sniff}, nil
}

func parseTables(s string) ([]foci.Table, error) {
	if s == "" {
		return nil, nil
	}
	var tables []foci.Table
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 32)
		if err != nil || n >= foci.MaxTable {
			return nil, usagef("--tables %.80q: want numbers below %d, like 0,2", s, foci.MaxTable)
		}
		tables = append(tables, foci.Table(n))
	}
	return tables, nil
}

// dial connects to the cluster.
func (r *remoteFlags) dial(ctx context.Context) (*client.Client, error) {
	cfg, err := r.config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	return client.Dial(ctx, cfg)
}

// session runs do with a session on the cluster.
func (r *remoteFlags) session(ctx context.Context, a *app, do func(*client.Session) error) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = hangUp(ctx, c) }()
	if r.ack.Level == foci.One {
		a.message("--ack one: this write may be lost with one disk, and reads may miss it for a while")
	}
	if r.read.Level == foci.One {
		a.message("--read one: what is read may be old")
	}
	err = do(c.Session(client.SessionOptions{Ack: r.ack.Level, Read: r.read.Level, Ask: askModes[r.ask], Timeout: r.timeout}))
	if r.traced && r.signals.Err() == nil {
		a.showTrace(r.signals, c, r.trace)
	}
	return err
}

// parseName reads a key on the command line.
func parseName(s string) (foci.Name, error) {
	n, err := foci.ParseName(s)
	return n, usage(err)
}
