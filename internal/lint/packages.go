package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// The largest package that a reader can survey: Go files without tests, and
// exported names at the top level.
const (
	MaxPackageFiles  = 20
	MaxExportedNames = 60
)

// LargePackages is the file that lists packages over a limit, "folder reason"
// on each line.
const LargePackages = "internal/lint/large_packages.txt"

// PackageSize refuses packages over [MaxPackageFiles] or [MaxExportedNames], but
// for those in [LargePackages]; there it refuses entries that no longer need to
// be.
func PackageSize(m *Module) []Finding {
	large, out := largePackages(m)
	for _, p := range m.Packages {
		files, names := 0, 0
		for _, s := range p.Sources {
			if !s.Test {
				files++
				names += exportedNames(s.AST)
			}
		}
		_, listed := large[p.Rel]
		delete(large, p.Rel)
		over := files > MaxPackageFiles || names > MaxExportedNames
		switch {
		case over && !listed:
			out = append(out, Finding{File: p.Rel, Msg: fmt.Sprintf("%d files and %d exported names, limits %d and %d: divide it by idea",
				files, names, MaxPackageFiles, MaxExportedNames)})
		case !over && listed:
			out = append(out, Finding{File: LargePackages, Msg: p.Rel + " is not over a limit any more: remove it"})
		}
	}
	for folder := range large {
		out = append(out, Finding{File: LargePackages, Msg: folder + " is no package: remove it"})
	}
	return out
}

// largePackages are the folders in the list with their reasons.
func largePackages(m *Module) (map[string]string, []Finding) {
	large := map[string]string{}
	var out []Finding
	for i, line := range strings.Split(string(m.read(LargePackages)), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		folder, reason, _ := strings.Cut(line, " ")
		if reason == "" {
			out = append(out, Finding{LargePackages, i + 1, "want: folder reason"})
		}
		large[folder] = reason
	}
	return large, out
}

// exportedNames counts the exported constants, variables, types and functions
// of a file; methods and fields belong to their types.
func exportedNames(f *ast.File) int {
	if f.Name.Name == "main" {
		return 0
	}
	n := 0
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				n++
			}
		case *ast.GenDecl:
			if d.Tok != token.IMPORT {
				n += exportedIn(d.Specs)
			}
		}
	}
	return n
}

func exportedIn(specs []ast.Spec) int {
	n := 0
	for _, s := range specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				n++
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() {
					n++
				}
			}
		}
	}
	return n
}
