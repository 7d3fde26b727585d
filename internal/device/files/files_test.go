package files

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestReplace: a file is replaced whole, a secret is its owner's alone and keeps
// the link by which it is known, and nothing is left beside them.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	plain, secret, link := filepath.Join(dir, "plain"), filepath.Join(dir, "secret"), filepath.Join(dir, "link")
	if err := os.Symlink("secret", link); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a first text", "second"} {
		if err := errors.Join(OS().WriteFile(plain, []byte(text)), OS().WriteSecret(secret, nil), OS().WriteSecret(link, []byte(text))); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{plain, secret} {
			if b, err := ReadFile(OS(), name, 100); err != nil || string(b) != text {
				t.Errorf("%s: %q, %v", name, b, err)
			}
		}
	}
	if info, err := OS().Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a secret of mode %v, %v", info.Mode(), err)
	}
	if _, err := ReadFile(OS(), plain, 5); !errors.Is(err, ErrTooLong) {
		t.Errorf("a file over its limit: %v", err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 3 {
		t.Errorf("%d files, %v", len(all), err)
	}
}
