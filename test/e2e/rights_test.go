package e2e

import (
	"path/filepath"
	"testing"
)

// TestRightsOfCommands: a command does what its credential allows; what it may
// not do ends with status 1 and says who lacks which right on which bucket.
func TestRightsOfCommands(t *testing.T) {
	c, made := guarded(t, "key = \"cluster.key\"")
	expect := c.expects(t)
	file := func(name string) string { return filepath.Join(made, name) }
	expect(0, "", "", "credential", "reader", "--key", file("cluster.key"), "--rights", "docs=r", "--out", file("reader"))
	expect(0, "", "hello", "put", "docs/a", "--credential", file("client.credential"))
	expect(0, "hello", "", "get", "docs/a", "--credential", file("reader"))
	expect(0, "a", "", "ls", "docs/", "--credential", file("reader"))
	expect(3, "", "", "get", "docs/none", "--credential", file("reader"))
	for _, args := range [][]string{{"put", "docs/a"}, {"append", "docs/a"}, {"rm", "docs/a"}} {
		expect(1, "client/reader lacks the right to write bucket docs (it has docs=r)", "x", append(args, "--credential", file("reader"))...)
	}
	for _, key := range []string{"music/a", "music/none"} {
		expect(1, "client/reader lacks the right to read bucket music (it has docs=r)", "", "get", key, "--credential", file("reader"))
	}
	expect(1, "lacks the right admin", "x", "put", "foci.policy/a", "--credential", file("client.credential"))
	expect(0, "", "x", "put", "foci.policy/a", "--credential", file("admin.credential"))
	expect(0, "n1", "", "nodes", "--credential", file("reader"))
}
