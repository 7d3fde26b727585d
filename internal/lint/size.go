package lint

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// The longest file and function that a reader is asked to hold in mind.
const (
	MaxFileLines     = 450
	MaxFunctionLines = 60
)

// How long the files without tests may be all in all: half of them at most
// [MaxMedianLines] lines, nine of ten at most [MaxTenthLines].
const (
	MaxMedianLines = 130
	MaxTenthLines  = 230
)

// LongFunctions is the file that lists functions over the limit with their
// length, "path Function lines" on each line. It may only shrink.
const LongFunctions = "internal/lint/long_functions.txt"

// FileLength refuses Go files over [MaxFileLines].
func FileLength(m *Module) []Finding {
	var out []Finding
	for s := range m.sources() {
		if s.Lines > MaxFileLines && !ast.IsGenerated(s.AST) {
			out = append(out, Finding{File: s.Rel, Msg: fmt.Sprintf("%d lines, limit %d: split it by idea", s.Lines, MaxFileLines)})
		}
	}
	return out
}

// FileLengths refuses a tree whose files are long in the main.
func FileLengths(m *Module) []Finding {
	var lines []int
	for s := range m.sources() {
		if !s.Test && !ast.IsGenerated(s.AST) {
			lines = append(lines, s.Lines)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	var out []Finding
	for _, q := range []struct {
		name   string
		at     int
		limits int
	}{{"half", len(lines) / 2, MaxMedianLines}, {"nine of ten", len(lines) * 9 / 10, MaxTenthLines}} {
		if n := lines[q.at]; n > q.limits {
			out = append(out, Finding{Msg: fmt.Sprintf("%s of the files have up to %d lines, limit %d: divide the longest", q.name, n, q.limits)})
		}
	}
	return out
}

// FunctionLength refuses functions over [MaxFunctionLines], but for those in
// [LongFunctions]; there it refuses entries that no longer need to be.
func FunctionLength(m *Module) []Finding {
	allowed, out := longFunctions(m)
	for s := range m.sources() {
		if ast.IsGenerated(s.AST) {
			continue
		}
		for _, d := range s.AST.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := m.Fset.Position(f.End()).Line - m.line(f) + 1
			key := s.Rel + " " + functionName(f)
			limit := max(MaxFunctionLines, allowed[key])
			if n == allowed[key] {
				delete(allowed, key)
			}
			if n > limit {
				out = append(out, Finding{s.Rel, m.line(f), fmt.Sprintf("%s is %d lines long, limit %d: one idea each", functionName(f), n, limit)})
			}
		}
	}
	for key, n := range allowed {
		out = append(out, Finding{File: LongFunctions, Msg: fmt.Sprintf("%q is not %d lines any more: lower the number or remove the line", key, n)})
	}
	return out
}

func longFunctions(m *Module) (map[string]int, []Finding) {
	allowed := map[string]int{}
	var out []Finding
	sc := bufio.NewScanner(bytes.NewReader(m.read(LongFunctions)))
	for i := 1; sc.Scan(); i++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		var path, name string
		var n int
		if _, err := fmt.Sscanf(line, "%s %s %d", &path, &name, &n); err != nil || n <= MaxFunctionLines {
			out = append(out, Finding{LongFunctions, i, fmt.Sprintf("want: path Function lines, with lines over %d", MaxFunctionLines)})
			continue
		}
		allowed[path+" "+name] = n
	}
	return allowed, out
}

// functionName is Name or Type.Name.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	return receiver(f.Recv.List[0].Type) + "." + f.Name.Name
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
