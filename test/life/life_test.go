package life

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/foci-store/foci/"

// share is how much of what an operation executes, in percent of its
// statements, the files that ARCHITECTURE.md lists for it hold at least. The
// rest is in leaves: encoding, tables, checksums, limits.
const share = 55

// TestArchitecture runs single operations with coverage and holds the lists of
// ARCHITECTURE.md to what they execute.
func TestArchitecture(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds everything with coverage")
	}
	executed := operations(t)
	for _, life := range []struct {
		name  string
		of    string // the operation of which it is a part; empty: of none that runs here
		files int    // that a reader has to open at most
		whole bool   // it is the whole operation
	}{
		{"put", "put", 35, true},
		{"reply", "put", 16, false},
		{"route", "", 12, false},
	} {
		t.Run(life.name, func(t *testing.T) {
			listed, all := list(t, life.name), executed[life.of]
			total, in := 0, 0
			for _, n := range all {
				total += n
			}
			for _, f := range listed {
				if _, err := os.Stat(filepath.Join("..", "..", f)); err != nil {
					t.Error(err)
				}
				if all[f] == 0 && life.of != "" {
					t.Errorf("ARCHITECTURE.md lists %s, of which a %s executes nothing", f, life.of)
				}
				in += all[f]
			}
			t.Logf("%d files listed; %d of the %d statements in %d files that a %s executes", len(listed), in, total, len(all), life.of)
			if len(listed) > life.files {
				t.Errorf("%d files listed, at most %d are wanted", len(listed), life.files)
			}
			if life.whole && in*100 < share*total {
				t.Errorf("the files listed hold %d of %d statements, %d %% are wanted; the largest others: %s", in, total, share, missing(all, listed))
			}
		})
	}
}

// missing are the files that hold most of what is not listed.
func missing(all map[string]int, listed []string) string {
	var rest []string
	for f := range all {
		if !slices.Contains(listed, f) {
			rest = append(rest, f)
		}
	}
	slices.SortFunc(rest, func(a, b string) int { return all[b] - all[a] })
	var b strings.Builder
	for _, f := range rest[:min(len(rest), 10)] {
		fmt.Fprintf(&b, "%s (%d) ", f, all[f])
	}
	return b.String()
}

// list reads the block of ARCHITECTURE.md that begins with ```NAME: a file and
// what it does on each line.
func list(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "\n```"+name+"\n")
	block, _, end := strings.Cut(block, "\n```")
	if !ok || !end {
		t.Fatalf("ARCHITECTURE.md has no block ```%s with the files of a %s", name, name)
	}
	var files []string
	for line := range strings.Lines(block) {
		if f := strings.Fields(line); len(f) > 0 {
			files = append(files, f[0])
		}
	}
	return files
}

// operations are the statements that each operation executes every time, by
// file: what runs beside it (pings, exchanges of routes) is not in all runs.
func operations(t *testing.T) map[string]map[string]int {
	t.Helper()
	const runs = 8
	bin, out := filepath.Join(t.TempDir(), "one"), t.TempDir()
	command(t, "go", "build", "-cover", "-covermode=atomic", "-coverpkg=../../...", "-o", bin, "./one")
	command(t, bin, "-out", out, "-runs", strconv.Itoa(runs))
	all := map[string]map[string]int{}
	for _, op := range []string{"put"} {
		blocks := map[block]int{}
		for i := range runs {
			for b := range blocksOf(t, filepath.Join(out, fmt.Sprintf("%s-%d", op, i+1))) {
				blocks[b]++
			}
		}
		all[op] = map[string]int{}
		for b, n := range blocks {
			if n == runs && !strings.HasPrefix(b.file, "test/") {
				all[op][b.file] += b.statements
			}
		}
	}
	return all
}

// block is a basic block of a file.
type block struct {
	file, place string
	statements  int
}

// blocksOf are the blocks that ran, of the counters in a folder.
func blocksOf(t *testing.T, dir string) map[block]bool {
	t.Helper()
	text := filepath.Join(dir, "text")
	command(t, "go", "tool", "covdata", "textfmt", "-i", dir, "-o", text)
	b, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	ran := map[block]bool{}
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		// file.go:12.3,14.5 statements times
		f := strings.Fields(sc.Text())
		if len(f) != 3 || f[2] == "0" {
			continue
		}
		file, place, _ := strings.Cut(f[0], ":")
		n, err := strconv.Atoi(f[1])
		if err != nil {
			t.Fatalf("%s: %v", sc.Text(), err)
		}
		ran[block{strings.TrimPrefix(file, module), place, n}] = true
	}
	if len(ran) == 0 {
		t.Fatalf("nothing ran in %s", dir)
	}
	return ran
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
