package lint

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// knownKinds are the extensions of the files that belong in this repository.
// A new kind is added here, in the commit that brings its first file.
var knownKinds = []string{".go", ".md", ".mod", ".sh", ".sum", ".toml", ".txt", ".txtar", ".yml"}

// knownFiles are the files whose names have no extension of theirs.
var knownFiles = []string{".gitattributes", ".gitignore", "LICENSE"}

// knownFolders hold programs without an extension.
var knownFolders = []string{".ci"}

// fuzzHeader begins every seed of a fuzz target.
const fuzzHeader = "go test fuzz v1\n"

// KnownKinds refuses tracked files of kinds that nothing here reads: backups,
// binaries, what an editor or a profiler left behind.
func KnownKinds(m *Module) []Finding {
	var out []Finding
	for _, f := range m.Files {
		if !m.knownKind(f) {
			out = append(out, Finding{File: f, Msg: "a file of an unknown kind: remove it, or add its kind to knownKinds in internal/lint"})
		}
	}
	return out
}

func (m *Module) knownKind(f string) bool {
	dir, base := path.Split(f)
	switch ext := path.Ext(base); {
	case strings.HasPrefix(base, "-"), strings.ContainsFunc(f, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return false // a slip of the shell
	case slices.Contains(knownFiles, base):
		return true
	case strings.Contains("/"+dir, "/testdata/fuzz/"):
		return bytes.HasPrefix(m.read(f), []byte(fuzzHeader))
	case ext == "" && slices.Contains(knownFolders, strings.TrimSuffix(dir, "/")):
		return true
	default:
		return slices.Contains(knownKinds, ext)
	}
}
