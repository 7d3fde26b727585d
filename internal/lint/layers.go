package lint

import (
	"fmt"
	"strings"
)

// layer is a folder and its height: imports go to lower heights only. The
// first row that matches counts, so leaves stand before the other machines.
type layer struct {
	folder string
	height int
}

var layers = []layer{
	{"internal/core/invariant", 1},
	{"internal/core/mutant", 1},
	{"internal/core/rights", 1},
	{"internal/core/version", 1},
	{"internal/testports", 1}, // for tests alone
	{"internal/lockorder", 2},
	{"internal/core/codec", 1},
	{"internal/core/record", 1},
	{"internal/story", 1},     // for tests alone
	{"internal/testwait", 1},  // for tests alone
	{"internal/testcodec", 2}, // for tests alone
	{"internal/core/wire", 1},
	{"internal/core/operation", 3}, // joins quorum and txn
	{"internal/core", 2},
	{"internal/check", 3},      // checkers of histories: for simulator and tests
	{"internal/sim/engine", 3}, // time, chance and network of a simulation
	{"internal/sim/mesh", 3},
	{"internal/sim", 4},
	{"internal/device", 4},
	{"internal/layout", 5},
	{"internal/status", 5},
	{"internal/serve", 5},
	{"internal/peer", 6},
	{"internal/node", 7},
	{"client", 7},
	{"internal/testcluster", 8}, // for tests alone
	{"internal/metrics", 8},
	{"internal/bench", 8},
	{"internal/transfer", 8},
	{"internal/memory", 8},
	{"internal/credential", 6},
	{"internal/localcluster", 8},
	{"cmd", 9},
	{"test", 10},
	{"internal/lint", 10},
}

// sideways are the imports allowed within one height, each with its reason.
var sideways = map[string]string{
	"internal/device/segment -> internal/device/vfs":       "every file is opened through vfs",
	"internal/device/store -> internal/device/vfs":         "every file is opened through vfs",
	"internal/device/store -> internal/device/segment":     "a store is segments and their index",
	"internal/device/store -> internal/device/store/index": "a store is segments and their index",
	"internal/device/store/index -> internal/device/*":     "the log whose places it keeps; files through vfs",
	"internal/device/store/storetest -> internal/device/*": "the conformance suite of any store",
	"internal/device/mesh -> internal/device/auth":         "a channel proves who it is",
	"internal/device/mesh -> internal/device/mesh/*":       "parts of the mesh",
	"internal/device/mesh/stream -> internal/device/*":     "channels exchange frames, once a handshake has opened them",
	"internal/device/mesh/handshake -> internal/device/*":  "a handshake exchanges frames and judges certificates",
	"internal/device/auth/authtest -> internal/device/*":   "credentials for tests",
	"internal/device/auth -> internal/device/files":        "keys and certificates are files",
	"internal/device/vfs -> internal/device/files":         "a file over its limit is the same error",
	"internal/core/path -> internal/core/route":            "a path begins at a parsed address",
	"internal/core/link -> internal/core/*":                "a link dials the parsed addresses that path picks",
	"internal/core/version -> internal/core/mutant":        "a rule that can be switched off",
	"internal/core/rights -> internal/core/mutant":         "a rule that can be switched off",
	"internal/core/record -> internal/core/codec":          "logs and messages are encoded alike",
	"internal/core/wire -> internal/core/*":                "the codec; records; rules that can be switched off; what principals may do",
	"internal/sim/mesh -> internal/sim/engine":             "what stands for the mesh runs in the simulation",
	"test/e2e -> test/process":                             "what tests of whole processes share",
	"test/lab -> test/process":                             "what tests of whole processes share",
	"test/hostile -> test/process":                         "what tests of whole processes share",
	"cmd/foci -> cmd/foci/internal/*":                      "the configuration file",
	"internal/peer -> internal/peer/*":                     "a process is wired of its parts",
}

// Layers wants imports to point down.
func Layers(m *Module) []Finding {
	var out []Finding
	for _, p := range m.Packages {
		h, ok := height(p.Rel)
		if !ok {
			out = append(out, Finding{File: p.Rel, Msg: "this folder is not in the layout; add it to the layers with its height"})
			continue
		}
		for _, imp := range p.Imports {
			if !m.own(imp) {
				continue
			}
			to := m.rel(imp)
			th, _ := height(to)
			if th < h || th == h && allowedSideways(p.Rel, to) {
				continue
			}
			out = append(out, Finding{File: p.Rel, Msg: fmt.Sprintf("imports %s, which is not below it: imports point down only", to)})
		}
	}
	return out
}

func height(rel string) (int, bool) {
	if rel == "." {
		return 0, true
	}
	for _, l := range layers {
		if within(rel, l.folder) {
			return l.height, true
		}
	}
	return 0, false
}

// within reports whether the folder is root or below it.
func within(rel, root string) bool {
	return rel == root || strings.HasPrefix(rel, root+"/")
}

func allowedSideways(from, to string) bool {
	for rule := range sideways {
		f, t, _ := strings.Cut(rule, " -> ")
		root, tree := strings.CutSuffix(t, "/*")
		if from == f && (to == t || tree && within(to, root)) {
			return true
		}
	}
	return false
}
