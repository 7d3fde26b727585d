// Command foci is the one binary of Foci: it serves a node, runs a local
// cluster, and is the client of both. This package is flags, the configuration
// file, signals, output and wiring; what Foci does is in the packages below.
//
// Data goes to standard output, messages to standard error. The exit status is
// 0 when it is done, 1 when it failed, 2 for wrong usage, 3 when the object was
// not found, and 4 when the outcome is unknown: it may or may not have happened.
// SIGINT and SIGTERM end a command within a second; serve and up close in order,
// within the bounds in ending.go. A second signal ends the process at once.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci/internal/core/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once: stop restores the default.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}, os.Args[1:]))
}

// app is what commands share: where data and messages go.
type app struct {
	ending
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	json   bool // --json: one JSON object per line on stdout
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, a *app, args []string) int {
	root := rootCommand(a)
	root.SetArgs(args)
	a.abandon = make(chan error, 1)
	err := a.await(ctx, func() error { return root.ExecuteContext(ctx) })
	if err != nil && !errors.Is(err, errReported) {
		a.failed(err)
	}
	return exitStatus(err)
}

func rootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "foci",
		Short: "A masterless, append-only object store for machines with more than one network",
		Long: `Foci stores objects named bucket/key on a cluster without a master. Every write is
a transaction: stored by a quorum of its replicas, or failed with an error that says so.

  foci up                                  three nodes on this machine, for trying out
  echo hello | foci put docs/hello.txt     store an object
  foci get docs/hello.txt                  read it back

Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 outcome unknown. SIGINT and SIGTERM
end a command within a second.`,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usagef("%w; see %s --help", err, c.CommandPath()) })
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON, one object per line")
	for _, add := range commands {
		root.AddCommand(add(a))
	}
	return root
}

// commands are all commands; the help text sorts them by name.
var commands = []func(*app) *cobra.Command{
	initCommand,
	credentialCommand,
	putCommand,
	getCommand,
	appendCommand,
	statCommand,
	historyCommand,
	rmCommand,
	lsCommand,
	cpCommand,
	benchCommand,
	nodesCommand,
	routeCommand,
	meshCommand,
	txnsCommand,
	traceCommand,
	serveCommand,
	upCommand,
	versionCommand,
}

// buildInfo says which source this binary was made from.
type buildInfo struct {
	Version  string `json:"version"`            // of the module; "(devel)" when built from a working tree
	Revision string `json:"revision,omitempty"` // of the repository
	Modified bool   `json:"modified,omitempty"` // the working tree differed from it
	Go       string `json:"go"`

	Protocols wire.Protocols `json:"protocols"` // of the wire
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print which source this binary was built from, and the protocol versions that it speaks",
		Long: `Print which source this binary was built from, and the protocol versions that it speaks.

  foci version --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := readBuildInfo()
			return a.print(b, func() error {
				return a.line("%v", b)
			})
		},
	}
}

func readBuildInfo() buildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return buildInfo{Version: "unknown", Protocols: wire.Spoken()}
	}
	b := buildInfo{Version: info.Main.Version, Go: info.GoVersion, Protocols: wire.Spoken()}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b buildInfo) String() string {
	s := "foci " + b.Version
	if b.Revision != "" {
		s += " revision " + b.Revision
	}
	if b.Modified {
		s += " with changes"
	}
	return s + " " + b.Go + " protocol " + b.Protocols.String()
}
