package lint

import (
	"slices"
	"strings"
)

// light are the folders whose packages link no storage engine, with what that
// is: a program that only talks to a cluster must not carry one.
var (
	light   = []string{"client"}
	engines = []string{"internal/device/store", "github.com/cockroachdb/pebble"}
)

// LightClients wants the public packages of clients to link no storage engine,
// neither themselves nor by what they import.
func LightClients(m *Module) []Finding {
	imports := map[string][]string{}
	for _, p := range m.Packages {
		imports[p.Rel] = p.Imports
	}
	var out []Finding
	for _, p := range m.Packages {
		if !slices.ContainsFunc(light, func(f string) bool { return within(p.Rel, f) }) {
			continue
		}
		if chain := m.engineBelow(imports, p.Rel, map[string]bool{}); chain != nil {
			out = append(out, Finding{File: p.Rel, Msg: "links a storage engine: " + strings.Join(chain, " imports ")})
		}
	}
	return out
}

// engineBelow is a chain of imports from a package to an engine; nil when there
// is none.
func (m *Module) engineBelow(imports map[string][]string, from string, seen map[string]bool) []string {
	if slices.ContainsFunc(engines, func(e string) bool { return within(from, e) }) {
		return []string{from}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, imp := range imports[from] {
		if chain := m.engineBelow(imports, m.rel(imp), seen); chain != nil {
			return append([]string{from}, chain...)
		}
	}
	return nil
}
