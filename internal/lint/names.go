package lint

import (
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
)

// sources yields every Go file of the module, tests included.
func (m *Module) sources() iter.Seq[*Source] {
	return func(yield func(*Source) bool) {
		for _, p := range m.Packages {
			for _, s := range p.Sources {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// emptyWords say nothing about what is inside.
var emptyWords = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}

// Names refuses packages, folders and files with names that say nothing.
func Names(m *Module) []Finding {
	var out []Finding
	for _, f := range m.Files {
		if !strings.HasSuffix(f, ".go") {
			continue
		}
		for part := range strings.SplitSeq(strings.TrimSuffix(f, ".go"), "/") {
			words := strings.FieldsFunc(part, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
			if i := slices.IndexFunc(words, func(w string) bool { return slices.Contains(emptyWords, w) }); i >= 0 {
				out = append(out, Finding{File: f, Msg: fmt.Sprintf("%q says nothing about what is inside: name it by its purpose", words[i])})
			}
		}
	}
	for _, p := range m.Packages {
		if slices.Contains(emptyWords, strings.TrimSuffix(p.Name, "_test")) && path.Base(p.Rel) != p.Name {
			out = append(out, Finding{File: p.Rel, Msg: fmt.Sprintf("package %s says nothing about what is inside", p.Name)})
		}
	}
	return out
}

// PackageComments wants every package to say what it is.
func PackageComments(m *Module) []Finding {
	var out []Finding
	for _, p := range m.Packages {
		documented := slices.ContainsFunc(p.Sources, func(s *Source) bool {
			return s.AST.Doc != nil && len(strings.Fields(s.AST.Doc.Text())) > 3
		})
		if !documented {
			out = append(out, Finding{File: p.Rel, Msg: "package " + p.Name + " has no package comment: say in a sentence what it is for"})
		}
	}
	return out
}
