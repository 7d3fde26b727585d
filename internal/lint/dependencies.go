package lint

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// DependencyReasons wants each module that is imported here, or used as a
// tool, to stand in a decision record with a reason beside it; and no reason to
// outlive its dependency.
func DependencyReasons(m *Module) []Finding {
	required, tools, err := m.requirements()
	if err != nil {
		return []Finding{{File: "go.mod", Msg: err.Error()}}
	}
	direct := map[string]bool{}
	for _, p := range m.Packages {
		for _, imp := range append(p.Imports, p.Tests...) {
			if mod := moduleOf(imp, required); mod != "" && !m.own(imp) {
				direct[mod] = true
			}
		}
	}
	for _, t := range tools {
		direct[moduleOf(t, required)] = true
	}
	var out []Finding
	for mod := range direct {
		if !m.explained(mod) {
			out = append(out, Finding{File: "go.mod", Msg: mod + " has no line with a reason in " + Decisions})
		}
	}
	return append(out, m.staleReasons(direct)...)
}

// reasonLine is how a decision record lists a module that is taken.
var reasonLine = regexp.MustCompile("^- `([^`]+\\.[^`]+/[^`]+)`:")

// staleReasons are lines about modules that nothing here uses.
func (m *Module) staleReasons(direct map[string]bool) []Finding {
	var out []Finding
	for _, f := range m.Files {
		if !strings.HasPrefix(f, Decisions) {
			continue
		}
		for i, line := range strings.Split(string(m.read(f)), "\n") {
			if r := reasonLine.FindStringSubmatch(line); r != nil && !direct[r[1]] {
				out = append(out, Finding{f, i + 1, r[1] + " is not used any more: remove the line"})
			}
		}
	}
	return out
}

// explained looks for a line that names the module and goes on for some words.
func (m *Module) explained(mod string) bool {
	const fewestWords = 5
	for _, f := range m.Files {
		if !strings.HasPrefix(f, Decisions) {
			continue
		}
		for line := range strings.SplitSeq(string(m.read(f)), "\n") {
			_, after, ok := strings.Cut(line, "`"+mod+"`")
			if ok && len(strings.Fields(after)) >= fewestWords {
				return true
			}
		}
	}
	return false
}

// requirements are the module paths and the tools that go.mod names.
func (m *Module) requirements() (required, tools []string, err error) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = m.Root
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go mod edit in %s: %w", m.Root, err)
	}
	var mod struct{ Require, Tool []struct{ Path string } }
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, nil, fmt.Errorf("go.mod in %s: %w", m.Root, err)
	}
	for _, r := range mod.Require {
		required = append(required, r.Path)
	}
	for _, t := range mod.Tool {
		tools = append(tools, t.Path)
	}
	return required, tools, nil
}

// moduleOf is the required module that holds a package: the longest that fits.
func moduleOf(importPath string, required []string) string {
	best := ""
	for _, r := range required {
		if within(importPath, r) && len(r) > len(best) {
			best = r
		}
	}
	return best
}
