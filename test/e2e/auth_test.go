package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foci-store/foci/internal/testwait"
)

// guarded is a cluster of three nodes as foci init makes it for several hosts,
// each with this in its foci.toml; %s is the node's name.
func guarded(t *testing.T, settings string, initArgs ...string) (c *cluster, made string) {
	t.Helper()
	dir := t.TempDir()
	c, err := newCluster(dir, 3)
	must(t, err)
	c.endWith(t)
	plan := "cluster = \"home\"\n"
	for i := range 3 {
		plan += fmt.Sprintf("[[node]]\nname = \"n%d\"\naddr = [\"127.0.0.1:%d:2-0\"]\n[[node.backend]]\ngroup = %d\n", i+1, c.port+i, i+1)
	}
	made = filepath.Join(dir, "made")
	must(t, os.Mkdir(made, 0o700))
	args := append([]string{"init", "--nodes", "-", "--out", filepath.Join(made, "layout.json")}, initArgs...)
	if out, errs, status := c.run(strings.NewReader(plan), args...); status != 0 {
		t.Fatalf("foci init: %s%s", out, errs)
	}
	files, err := os.ReadDir(made)
	must(t, err)
	for i := range 3 {
		name := fmt.Sprintf("n%d", i+1)
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		for _, f := range files { // more than a node needs, of which it must not care
			text, err := os.ReadFile(filepath.Join(made, f.Name()))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, name, f.Name()), text, 0o600))
		}
		text := fmt.Sprintf("cluster = \"home\"\nname = %q\n%s\n", name, strings.ReplaceAll(settings, "%s", name))
		must(t, os.WriteFile(filepath.Join(dir, name, "foci.toml"), []byte(text), 0o600))
		must(t, c.serve(name))
	}
	return c, made
}

// TestInitIsReady: what foci init made is all that nodes and clients need, and
// nobody comes in without it.
func TestInitIsReady(t *testing.T) {
	other := t.TempDir()
	for name, tc := range map[string]struct {
		settings string
		init     []string
		further  []string // how a further credential is made
		wants    string
	}{
		"key": {"key = \"cluster.key\"", nil, []string{"--key", "cluster.key"}, "asks for TLS"},
		"tls": {
			"key = \"cluster.key\"\n[tls]\ncert = \"node-%s.pem\"\nkey = \"node-%s.key\"\nca = \"ca.pem\"",
			[]string{"--tls"},
			[]string{"--ca", "ca.pem", "--ca-key", "ca.key"},
			"asks for TLS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, made := guarded(t, tc.settings, tc.init...)
			expect := c.expects(t)
			admin := filepath.Join(made, "client.credential")
			expect(0, "", "hello", "put", "docs/a", "--credential", admin)
			further := append([]string{"credential", "backup", "--out", filepath.Join(made, "backup")}, tc.further...)
			for i, a := range further {
				if strings.HasPrefix(further[max(0, i-1)], "--") && !filepath.IsAbs(a) {
					further[i] = filepath.Join(made, a)
				}
			}
			expect(0, "", "", further...)
			expect(0, "hello", "", "get", "docs/a", "--credential", filepath.Join(made, "backup"))
			expect(1, tc.wants, "", "get", "docs/a", "--timeout", "3s")
			strange := filepath.Join(other, name)
			must(t, os.Mkdir(strange, 0o700))
			plan := "cluster = \"home\"\n[[node]]\nname = \"x\"\naddr = [\"127.0.0.1:1:2-0\"]\n[[node.backend]]\ngroup = 1\n"
			expect(0, "", plan, append([]string{"init", "--nodes", "-", "--out", filepath.Join(strange, "layout.json")}, tc.init...)...)
			expect(1, "refused", "", "get", "docs/a", "--timeout", "3s", "--credential", filepath.Join(strange, "client.credential"))
			joins(t, c, made, name == "tls")
			must(t, c.kill("n2"))
			expect(0, "", "again", "put", "docs/b", "--credential", admin)
			must(t, c.serve("n2"))
			expect(0, "again", "", "get", "docs/b", "--credential", admin)
		})
	}
}

// joins starts a member that stores nothing, with what is made for it, and asks
// it for an object.
func joins(t *testing.T, c *cluster, made string, tls bool) {
	t.Helper()
	port, err := freePorts(1)
	must(t, err)
	addr := fmt.Sprintf("127.0.0.1:%d:2", port)
	dir := filepath.Join(c.dir, "joiner")
	must(t, os.Mkdir(dir, 0o700))
	text := fmt.Sprintf("cluster = \"home\"\nrole = \"client\"\nseeds = [%q]\nkey = %q\n[[address]]\naddr = %q\n", c.remotes()[0], filepath.Join(made, "cluster.key"), addr+"-0")
	if tls {
		out, errs, status := c.run(nil, "credential", "j", "--node", "new", "--ca", filepath.Join(made, "ca.pem"), "--ca-key", filepath.Join(made, "ca.key"), "--out", dir)
		if status != 0 {
			t.Fatalf("foci credential: %s%s", out, errs)
		}
		text += fmt.Sprintf("[tls]\ncert = \"j.pem\"\nkey = \"j.key\"\nca = %q\n", filepath.Join(made, "ca.pem"))
	}
	must(t, os.WriteFile(filepath.Join(dir, "foci.toml"), []byte(text), 0o600))
	must(t, c.serve("joiner"))
	testwait.Until(t, patience, "the object by the joiner", func() error {
		out, errs, status := c.run(nil, "get", "docs/a", "-R", addr, "--credential", filepath.Join(made, "client.credential"), "--timeout", "5s")
		if status != 0 || out != "hello" {
			return fmt.Errorf("status %d, %s%s", status, out, errs)
		}
		return nil
	})
}

// expects returns a function that runs a command with its standard input, and fails
// the test unless it ends with a status and says something.
func (c *cluster) expects(t *testing.T) func(want int, says, stdin string, args ...string) {
	return func(want int, says, stdin string, args ...string) {
		t.Helper()
		out, errs, status := c.run(strings.NewReader(stdin), args...)
		if status != want || !strings.Contains(out+errs, says) {
			t.Errorf("foci %v: status %d, %s%s", args, status, out, errs)
		}
	}
}
