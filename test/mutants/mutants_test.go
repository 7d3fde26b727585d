package mutants

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const top = "../.."

// TestEachRuleHasATestThatFails builds each package's tests once, with the tag,
// and runs each row's test with the rule on and with it off.
func TestEachRuleHasATestThatFails(t *testing.T) {
	if os.Getenv("FOCI_MUTANTS") == "" {
		t.Skip("set FOCI_MUTANTS=run: it builds the tests of several packages anew")
	}
	dir := build(t)
	for _, r := range rows {
		bin := binary(dir, r.pkg)
		t.Run(string(r.mutant), func(t *testing.T) {
			if out, err := run(bin, r, ""); err != nil {
				t.Fatalf("%s fails with the rule on: %v\n%s", r.test, err, out)
			} else if !bytes.Contains(out, []byte("--- PASS: "+r.test+" ")) {
				t.Fatalf("%s did not run in %s:\n%s", r.test, r.pkg, out)
			}
			if out, err := run(bin, r, string(r.mutant)); err == nil {
				t.Errorf("%s passes without the rule:\n%s", r.test, out)
			} else if !bytes.Contains(out, []byte("--- FAIL: "+r.test+" ")) {
				t.Errorf("%s did not fail by its own judgement: %v\n%s", r.test, err, out)
			}
		})
	}
}

// build makes the tests of all packages of rows, at one go those that have
// different names.
func build(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	left := map[string]bool{}
	for _, r := range rows {
		left[r.pkg] = true
	}
	for len(left) > 0 {
		names, args := map[string]bool{}, []string{"test", "-tags", "mutants", "-c", "-o"}
		into, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, into)
		for _, pkg := range slices.Sorted(maps.Keys(left)) {
			if name := path.Base(pkg); !names[name] {
				names[name] = true
				args = append(args, "./"+pkg)
			}
		}
		c := exec.Command("go", args...)
		c.Dir = top
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("building the tests: %v\n%s", err, out)
		}
		for _, arg := range args[6:] {
			pkg := arg[len("./"):]
			delete(left, pkg)
			if err := os.Rename(filepath.Join(into, path.Base(pkg)+".test"), binary(dir, pkg)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// binary is the test binary of a package.
func binary(dir, pkg string) string {
	return filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+".test")
}

func run(bin string, r row, off string) ([]byte, error) {
	c := exec.Command(bin, "-test.v", "-test.timeout", "60s", "-test.run", "^"+regexp.QuoteMeta(r.test)+"$")
	c.Dir = filepath.Join(top, r.pkg)
	c.Env = append(os.Environ(), "FOCI_MUTANT="+off)
	return c.CombinedOutput()
}

// TestRowsAreComplete holds the list to the names: each rule has a row, and no
// rule stands unnamed.
func TestRowsAreComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "internal/core/mutant/names.go"))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, r := range rows {
		have[string(r.mutant)] = true
	}
	for _, m := range regexp.MustCompile(`Name = "([^"]+)"`).FindAllSubmatch(text, -1) {
		if !have[string(m[1])] {
			t.Errorf("mutant %s has no row: no test is known to fail with it", m[1])
		}
		delete(have, string(m[1]))
	}
	for name := range have {
		t.Errorf("row %s: no such mutant", name)
	}
}
