package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/testwait"
)

// sourceTree is real input: Go's own source, all of it in full runs.
func sourceTree(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	if !full() {
		src = filepath.Join(src, "net")
	}
	if _, err := os.Stat(src); err != nil {
		t.Skip("this Go installation has no source:", err)
	}
	return src
}

// filesBelow are the regular files of a tree, in the order in which cp takes them.
func filesBelow(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files below %s", len(files), root)
	}
	return files
}

func readFile(t *testing.T, root, rel string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(rel)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// awaitObject returns once the object exists.
func awaitObject(t *testing.T, c *cluster, n foci.Name) {
	t.Helper()
	s := dial(t, c).Session(client.SessionOptions{})
	testwait.Until(t, patience, n.String(), func() error {
		_, err := s.Stat(t.Context(), n)
		if err != nil && foci.KindOf(err) != foci.NotFound {
			t.Fatal(err)
		}
		return err
	})
}
