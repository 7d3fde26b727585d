package lint

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// The documents that name code.
const (
	Architecture = "ARCHITECTURE.md"
	Contributing = "CONTRIBUTING.md"
	Promises     = "docs/promises.md"
	Decisions    = "docs/adr/"
)

// The least number of symbols that a page names: fewer would mean that its rule
// no longer sees them. Of the contributors' page that is one for each question.
const (
	minSymbols = 5
	minAnswers = 10
)

var symbolRef = regexp.MustCompile("`([a-z][a-z0-9]*)\\.([A-Z]\\w*)(?:\\.(\\w+))?(?:\\(\\))?`")

var fileRef = regexp.MustCompile(`\b[a-z][\w/]*/\w+\.go\b`)

// ArchitectureSymbols wants every `package.Symbol` and every file of the
// architecture page to exist, so that a reader who follows it never ends in
// nothing.
func ArchitectureSymbols(m *Module) []Finding {
	out := m.symbols(Architecture, minSymbols)
	for i, line := range strings.Split(string(m.read(Architecture)), "\n") {
		for _, file := range fileRef.FindAllString(line, -1) {
			if !slices.Contains(m.Files, file) {
				out = append(out, Finding{Architecture, i + 1, file + " does not exist"})
			}
		}
	}
	return out
}

// ContributingSymbols wants the same of the page for contributors.
func ContributingSymbols(m *Module) []Finding { return m.symbols(Contributing, minAnswers) }

func (m *Module) symbols(page string, least int) []Finding {
	var out []Finding
	found := 0
	for i, line := range strings.Split(string(m.read(page)), "\n") {
		for _, ref := range symbolRef.FindAllStringSubmatch(line, -1) {
			found++
			if !m.declares(ref[1], ref[2], ref[3]) {
				out = append(out, Finding{page, i + 1, ref[0] + " does not exist in this module"})
			}
		}
	}
	if found < least {
		out = append(out, Finding{File: page, Msg: fmt.Sprintf("names %d symbols as `package.Symbol`, want at least %d", found, least)})
	}
	return out
}

// declares looks for pkg.name, or for the method or field member of it.
func (m *Module) declares(pkg, name, member string) bool {
	for _, p := range m.Packages {
		if p.Name != pkg {
			continue
		}
		for _, s := range p.Sources {
			if !s.Test && slices.ContainsFunc(s.AST.Decls, func(d ast.Decl) bool { return declaredIn(d, name, member) }) {
				return true
			}
		}
	}
	return false
}

func declaredIn(d ast.Decl, name, member string) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		want := name
		if member != "" {
			want += "." + member
		}
		return functionName(d) == want
	case *ast.GenDecl:
		return slices.ContainsFunc(d.Specs, func(s ast.Spec) bool { return specDeclares(s, name, member) })
	}
	return false
}

func specDeclares(s ast.Spec, name, member string) bool {
	switch s := s.(type) {
	case *ast.ValueSpec:
		return member == "" && slices.ContainsFunc(s.Names, func(i *ast.Ident) bool { return i.Name == name })
	case *ast.TypeSpec:
		return s.Name.Name == name && (member == "" || slices.Contains(memberNames(s.Type), member))
	}
	return false
}

// memberNames are the fields of a struct or the methods of an interface.
func memberNames(t ast.Expr) []string {
	var fields *ast.FieldList
	switch t := t.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return nil
	}
	var out []string
	for _, f := range fields.List {
		for _, n := range f.Names {
			out = append(out, n.Name)
		}
	}
	return out
}

var testRef = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)

// checkedBy heads the tables whose rows each name a test.
const checkedBy = "checked by"

// PromisesHaveTests wants every row of the promises' table to name a test that
// exists: a promise that nothing checks is a wish.
func PromisesHaveTests(m *Module) []Finding {
	text := m.read(Promises)
	if text == nil {
		return []Finding{{File: Promises, Msg: "missing: what Foci promises, and the test of each promise"}}
	}
	tests := m.tests()
	var out []Finding
	rows, head, inBody := 0, "", false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case !strings.HasPrefix(line, "|"):
			head, inBody = "", false
		case head == "":
			head = line
		case strings.Trim(line, "|-: ") == "":
			inBody = true
		case inBody && strings.Contains(head, checkedBy):
			rows++
			out = append(out, promiseRow(line, i+1, tests)...)
		}
	}
	if rows == 0 {
		out = append(out, Finding{File: Promises, Msg: "has no table with a column " + checkedBy})
	}
	return out
}

func promiseRow(row string, line int, tests map[string]bool) []Finding {
	named := testRef.FindAllString(row, -1)
	if len(named) == 0 {
		return []Finding{{Promises, line, "this row names no test"}}
	}
	var out []Finding
	for _, n := range named {
		if !tests[n] {
			out = append(out, Finding{Promises, line, n + " does not exist"})
		}
	}
	return out
}

// tests are the names of all test and fuzz functions of the module.
func (m *Module) tests() map[string]bool {
	names := map[string]bool{}
	for s := range m.sources() {
		for _, d := range s.AST.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.Test && f.Recv == nil {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
