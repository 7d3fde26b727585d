package lint

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// publicFolders hold the packages that other modules import.
var publicFolders = []string{".", "client"}

// PublicAPI wants every type that can be reached from the exported names of a
// public package to be a public one: callers cannot name a type of internal/,
// and it would change under them.
func PublicAPI(m *Module) []Finding {
	load, err := m.exports()
	if err != nil {
		return []Finding{{File: "go.mod", Msg: err.Error()}}
	}
	var out []Finding
	for _, p := range m.Packages {
		public := slices.ContainsFunc(publicFolders, func(f string) bool { return p.Rel == f || f != "." && within(p.Rel, f) })
		if !public {
			continue
		}
		pkg, err := load(strings.TrimSuffix(m.Path+"/"+p.Rel, "/."))
		if err != nil {
			out = append(out, Finding{File: p.Rel, Msg: err.Error()})
			continue
		}
		w := &apiWalk{rel: p.Rel, internal: m.Path + "/internal/", seen: map[types.Type]bool{}}
		for _, name := range pkg.Scope().Names() {
			if o := pkg.Scope().Lookup(name); o.Exported() {
				w.object(pkg.Name()+"."+name, o)
			}
		}
		out = append(out, w.out...)
	}
	return out
}

// exports gives a function that loads a package as its importers see it.
func (m *Module) exports() (func(path string) (*types.Package, error), error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, publicPatterns(m)...)...)
	cmd.Dir = m.Root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -export in %s: %w", m.Root, err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	im := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("package %s does not build", path)
		}
		return os.Open(files[path])
	})
	return im.Import, nil
}

func publicPatterns(m *Module) []string {
	patterns := []string{"."}
	for _, f := range publicFolders {
		if f != "." && slices.ContainsFunc(m.Packages, func(p *Package) bool { return within(p.Rel, f) }) {
			patterns = append(patterns, "./"+f+"/...")
		}
	}
	return patterns
}

// apiWalk follows the types that an exported name leads to.
type apiWalk struct {
	rel      string
	internal string // how the paths of hidden packages begin
	seen     map[types.Type]bool
	out      []Finding
}

// object walks the type of an exported name, and of a type's methods.
func (w *apiWalk) object(at string, o types.Object) {
	w.walk(at, o.Type())
	if _, named := o.(*types.TypeName); !named {
		return
	}
	methods := types.NewMethodSet(types.NewPointer(o.Type()))
	for i := range methods.Len() {
		if f := methods.At(i).Obj(); f.Exported() {
			w.walk(at+"."+f.Name(), f.Type())
		}
	}
}

// walk looks at a type and at what can be reached from it by exported names.
func (w *apiWalk) walk(at string, t types.Type) {
	if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil && strings.HasPrefix(n.Obj().Pkg().Path(), w.internal) {
		p := n.Obj().Pkg()
		w.out = append(w.out, Finding{File: w.rel, Msg: fmt.Sprintf("%s shows %s.%s of %s: callers cannot name it, give it a public type", at, p.Name(), n.Obj().Name(), p.Path())})
		return
	}
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		w.walk(at, types.Unalias(t))
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			w.walk(at, a)
		}
		w.walk(at, t.Underlying())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				w.walk(at+"."+f.Name(), f.Type())
			}
		}
	case *types.Signature:
		for v := range t.Params().Variables() {
			w.walk(at, v.Type())
		}
		for v := range t.Results().Variables() {
			w.walk(at, v.Type())
		}
	case *types.Interface:
		for f := range t.Methods() {
			if f.Exported() {
				w.walk(at+"."+f.Name(), f.Type())
			}
		}
	case *types.Map:
		w.walk(at, t.Key())
		w.walk(at, t.Elem())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		w.walk(at, t.Elem())
	}
}
