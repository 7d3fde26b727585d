package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestRepository holds this repository to every rule.
func TestRepository(t *testing.T) {
	m, err := Load(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Packages) < 3 || len(m.Files) < 10 {
		t.Fatalf("found only %d packages and %d files: the rules would see nothing", len(m.Packages), len(m.Files))
	}
	for _, r := range Rules {
		t.Run(r.Name, func(t *testing.T) {
			for _, f := range r.Check(m) {
				t.Error(f)
			}
		})
	}
}

// TestRulesCanFail runs every rule on a module that breaks it.
func TestRulesCanFail(t *testing.T) {
	m := unpack(t, "broken.txtar", func(dir string) {
		write(t, dir, "internal/node/long.go", "package node\n\nfunc Long() {\n"+strings.Repeat("\t_ = 1\n", MaxFileLines)+"}\n")
		for i := range MaxPackageFiles {
			write(t, dir, fmt.Sprintf("internal/node/n%d.go", i), "package node\n")
		}
		write(t, dir, "internal/core/txn/names.go", "package txn\n\nconst (\n"+exported(MaxExportedNames+1)+")\n")
		write(t, dir, LargePackages, "client\ninternal/gone it went\n")
		write(t, dir, LongFunctions, "internal/node/gone.go Gone 90\nnonsense\n")
		write(t, dir, "notes.md", "TO"+"DO: see /wo"+"rk/main and DESIGN"+" §5\n")
	})
	for rule, wants := range map[string][]string{
		"layers": {
			"internal/core/txn: imports client, which is not below it",
			"internal/core/ring: imports internal/core/txn, which is not below it",
			"internal/nowhere: this folder is not in the layout",
		},
		"machines are pure": {
			"internal/core/ring: imports os:",
			"internal/core/ring: imports example.com/broken/internal/core/txn:",
			"ring.go:16: a machine starts no goroutine",
			"ring.go:17: time.Now:",
		},
		"package comments": {".: package broken has no package comment"},
		"file length":      {"internal/node/long.go: 454 lines"},
		"package size": {
			"internal/node: 22 files and 1 exported names", "internal/core/txn: 2 files and 61 exported names",
			"large_packages.txt:1: want: folder reason", "client is not over a limit any more", "internal/gone is no package",
		},
		"function length": {"long.go:3: Long is 452 lines long", `"internal/node/gone.go Gone" is not 90 lines`, "long_functions.txt:2: want:"},
		"names":           {`internal/node/put_util.go: "util" says nothing`},
		"known kinds of files": {
			"internal/peer/join.bak: a file of an unknown kind", "core: a file of an unknown kind", "-o.txt: a file of an unknown kind",
			"testdata/fuzz/FuzzX/notes: a file of an unknown kind",
		},
		"files and sockets":    {"client.go:15: os.Open", "client.go:16: net.Dial", "client.go:17: http.Get"},
		"architecture symbols": {"`ring.Vanished` does not exist", "`ring.Table.NoSuchMethod` does not exist", "names 2 symbols", "internal/core/ring/lost.go does not exist"},
		"contributing symbols": {"`ring.Nowhere` does not exist", "names 1 symbols"},
		"dependencies have reasons": {
			"go.mod: example.com/reasonless has no line",
			"0001.md:2: example.com/gone is not used any more",
		},
		"public types": {
			"client: client.Reply shows wire.Reply of example.com/broken/internal/core/wire", "client.Held.Give shows wire.Op",
		},
		"light clients": {
			"client: links a storage engine: client imports internal/node imports internal/device/store",
			"client/lock: links a storage engine: client/lock imports github.com/cockroachdb/pebble/v2/vfs",
		},
		"promises have tests": {"TestThatWasDeleted does not exist", "promises.md:4: this row names no test"},
		"words":               {"notes.md:1: \"TO" + "DO:\"", "a path of one machine", "give the reason itself"},
	} {
		t.Run(rule, func(t *testing.T) { wantFindings(t, check(t, m, rule), wants) })
	}
}

// TestRulesCanPass runs every rule on a module that keeps to it but lies close.
func TestRulesCanPass(t *testing.T) {
	m := unpack(t, "clean.txtar", func(string) {})
	for _, r := range Rules {
		for _, f := range r.Check(m) {
			t.Errorf("%s: %v", r.Name, f)
		}
	}
}

// TestLongFunctionsMayOnlyShrink covers both sides of the list of exceptions.
func TestLongFunctionsMayOnlyShrink(t *testing.T) {
	for listed, want := range map[int]string{
		102: "",
		101: "is 102 lines long, limit 101",
		103: "is not 103 lines any more",
	} {
		m := unpack(t, "clean.txtar", func(dir string) {
			write(t, dir, "long.go", "package clean\n\nfunc Long() {\n"+strings.Repeat("\t_ = 1\n", 100)+"}\n")
			write(t, dir, LongFunctions, fmt.Sprintf("long.go Long %d\n", listed))
		})
		found := FunctionLength(m)
		if want == "" && len(found) > 0 {
			t.Errorf("listed with %d: %v", listed, found)
		}
		if want != "" {
			wantFindings(t, found, []string{want})
		}
	}
}

// TestFileLengths covers a tree whose files are long in the main.
func TestFileLengths(t *testing.T) {
	for lines, want := range map[int]string{MaxMedianLines - 20: "", MaxMedianLines + 1: "half of the files"} {
		m := unpack(t, "clean.txtar", func(dir string) {
			for i := range 20 {
				write(t, dir, fmt.Sprintf("long%d.go", i), "package clean\n"+strings.Repeat("\n", lines))
			}
		})
		found := FileLengths(m)
		if want == "" && len(found) > 0 {
			t.Errorf("%d lines each: %v", lines, found)
		}
		if want != "" {
			wantFindings(t, found, []string{want})
		}
	}
}

// TestReasonsToDo covers marks of what is left to do with and without a reason.
func TestReasonsToDo(t *testing.T) {
	for text, refused := range map[string]bool{
		"TO" + "DO(pebble has no such option before 2.2): use it": false,
		"TO" + "DO(later)": true, "TO" + "DO: it": true, "TO" + "DO": true,
	} {
		m := unpack(t, "clean.txtar", func(dir string) { write(t, dir, "notes.md", text+"\n") })
		if found := Words(m); (len(found) > 0) != refused {
			t.Errorf("%q: %v", text, found)
		}
	}
}

// exported is the inside of a declaration of n exported constants.
func exported(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\tName%d = %d\n", i, i)
	}
	return b.String()
}

func check(t *testing.T, m *Module, rule string) []Finding {
	t.Helper()
	i := slices.IndexFunc(Rules, func(r Rule) bool { return r.Name == rule })
	if i < 0 {
		t.Fatalf("no rule %q", rule)
	}
	return Rules[i].Check(m)
}

func wantFindings(t *testing.T, found []Finding, wants []string) {
	t.Helper()
	for _, w := range wants {
		if !slices.ContainsFunc(found, func(f Finding) bool { return strings.Contains(f.String(), w) }) {
			t.Errorf("not found: %q in %v", w, found)
		}
	}
}

// unpack loads a module from testdata after change has added to it.
func unpack(t *testing.T, name string, change func(dir string)) *Module {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		write(t, dir, f.Name, string(f.Data))
	}
	change(dir)
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod")
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
