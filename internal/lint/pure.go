package lint

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// impure are the standard packages that bring in the outside, other threads or
// chance. A folder counts with everything below it; net/netip is pure values.
var impure = []string{
	"net", "os", "sync", "math/rand", "crypto/rand", "syscall", "io/ioutil", "log", "plugin", "unsafe", "testing",
}

// leaves are what every machine may know.
var leaves = []string{"internal/core/codec", "internal/core/invariant", "internal/core/mutant", "internal/core/record", "internal/core/rights", "internal/core/version", "internal/core/wire"}

var pureBelow = map[string]bool{"net/netip": true}

// clockReaders are the functions of package time that read or wait for the clock.
var clockReaders = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true,
}

// composed are machines that join others, by what they join.
var composed = map[string][]string{
	"internal/core/operation": {"internal/core/quorum", "internal/core/txn"},
	"internal/core/path":      {"internal/core/route"},                       // parsed addresses
	"internal/core/link":      {"internal/core/path", "internal/core/route"}, // a link dials the addresses that path picks
}

// PureMachines wants the machines in internal/core to take time and chance as
// arguments, start nothing and open nothing, and to know only the leaves.
func PureMachines(m *Module) []Finding {
	var out []Finding
	for _, p := range m.Packages {
		if !within(p.Rel, "internal/core") {
			continue
		}
		for _, imp := range p.Imports {
			if why := impureImport(m, p.Rel, imp); why != "" {
				out = append(out, Finding{File: p.Rel, Msg: "imports " + imp + ": " + why})
			}
		}
		for _, s := range p.Sources {
			if !s.Test {
				out = append(out, impureCalls(m, s)...)
			}
		}
	}
	return out
}

func impureImport(m *Module, from, imp string) string {
	if m.own(imp) {
		to := m.rel(imp)
		leaf := slices.Contains(leaves, to)
		if to == "." || leaf || within(to, from) || slices.Contains(composed[from], to) {
			return ""
		}
		return "a machine may know the leaves and the root package, not other packages of this module"
	}
	if pureBelow[imp] {
		return ""
	}
	for _, bad := range impure {
		if within(imp, bad) {
			return "a machine touches no files, sockets, locks, clocks or chance; take what it gives as an argument"
		}
	}
	return ""
}

func impureCalls(m *Module, s *Source) []Finding {
	var out []Finding
	clock := importName(s.AST, "time")
	ast.Inspect(s.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, Finding{s.Rel, m.line(n), "a machine starts no goroutine; return an effect and let the shell do it"})
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && clock != "" && x.Name == clock && clockReaders[n.Sel.Name] {
				out = append(out, Finding{s.Rel, m.line(n), fmt.Sprintf("time.%s: a machine is told the time as an argument", n.Sel.Name)})
			}
		}
		return true
	})
	return out
}

// importName is the name under which a file uses an import; "" when it does not.
func importName(f *ast.File, path string) string {
	for _, i := range f.Imports {
		if strings.Trim(i.Path.Value, `"`) != path {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	return ""
}
