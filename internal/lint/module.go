package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is what the rules look at: packages as go list sees them, their
// syntax, and every tracked file.
type Module struct {
	Root     string // directory of go.mod
	Path     string // module path
	Packages []*Package
	Files    []string // tracked, relative to Root, slash-separated
	Fset     *token.FileSet
}

// Package is one package of the module.
type Package struct {
	Rel     string // relative to the module's root; "." for the root package
	Name    string
	Imports []string // of the files that are built into it; not of its tests
	Tests   []string // imports of its tests
	Sources []*Source
}

// Source is one Go file.
type Source struct {
	Rel   string // relative to the module's root
	Test  bool
	Lines int
	AST   *ast.File
}

// Load reads the module whose go.mod is in root.
func Load(root string) (*Module, error) {
	m := &Module{Root: root, Fset: token.NewFileSet()}
	if err := m.list(); err != nil {
		return nil, err
	}
	var err error
	if m.Files, err = tracked(root); err != nil {
		return nil, err
	}
	return m, nil
}

// listed is the part of go list's answer that is needed.
type listed struct {
	Dir, ImportPath, Name              string
	Module                             *struct{ Path string }
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports, TestImports, XTestImports []string
}

func (m *Module) list() error {
	// -e: a package that does not build is the compiler's finding, not ours.
	cmd := exec.Command("go", "list", "-e", "-json=Dir,ImportPath,Name,Module,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = m.Root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list in %s: %w: %s", m.Root, err, stderr.Bytes())
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list in %s: %w", m.Root, err)
		}
		if l.Module == nil || l.Name == "" {
			continue
		}
		m.Path = l.Module.Path
		p, err := m.load(l)
		if err != nil {
			return err
		}
		m.Packages = append(m.Packages, p)
	}
}

func (m *Module) load(l listed) (*Package, error) {
	p := &Package{
		Rel:     m.rel(l.ImportPath),
		Name:    l.Name,
		Imports: l.Imports,
		Tests:   slices.Concat(l.TestImports, l.XTestImports),
	}
	for _, name := range slices.Concat(l.GoFiles, l.TestGoFiles, l.XTestGoFiles) {
		full := filepath.Join(l.Dir, name)
		text, err := os.ReadFile(full)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(m.Fset, full, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.Sources = append(p.Sources, &Source{
			Rel:   strings.TrimPrefix(p.Rel+"/"+name, "./"),
			Test:  strings.HasSuffix(name, "_test.go"),
			Lines: bytes.Count(text, []byte("\n")),
			AST:   f,
		})
	}
	return p, nil
}

// rel turns an import path of the module into a folder; others stay as they are.
func (m *Module) rel(importPath string) string {
	if importPath == m.Path {
		return "."
	}
	if r, ok := strings.CutPrefix(importPath, m.Path+"/"); ok {
		return r
	}
	return importPath
}

// own reports whether the import path is one of the module's packages.
func (m *Module) own(importPath string) bool {
	return importPath == m.Path || strings.HasPrefix(importPath, m.Path+"/")
}

func (m *Module) line(n ast.Node) int { return m.Fset.Position(n.Pos()).Line }

// read is a tracked file's text, or nil when there is no such file.
func (m *Module) read(rel string) []byte {
	b, err := os.ReadFile(filepath.Join(m.Root, filepath.FromSlash(rel)))
	if err != nil {
		return nil
	}
	return b
}

// tracked asks git; a tree without git (a downloaded archive) is walked.
func tracked(root string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		return slices.DeleteFunc(files, func(f string) bool {
			_, err := os.Lstat(filepath.Join(root, f))
			return err != nil // deleted, not yet committed
		}), nil
	}
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	return files, err
}
