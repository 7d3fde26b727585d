package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/foci-store/foci/internal/core/wire"
)

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
