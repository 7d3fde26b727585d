package e2e

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the sessions in testdata. Beside testscript's own commands
// they have:
//
//	foci …           runs foci; ! foci wants it to fail
//	up [flags]       starts three nodes in $WORK/cluster, waits until they are ready, and sets FOCI_REMOTE
//	down             stops them; up starts them again
//	crash NODE       ends a node with SIGKILL
//	serve NODE       starts a killed node again
//	exits N foci …   runs foci and wants that exit status
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Values[clusterKey{}] = new(*cluster)
			env.Setenv("XDG_CONFIG_HOME", configHome)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up":    positive(scriptUp),
			"down":  positive(func(ts *testscript.TestScript, _ []string) { scriptCluster(ts).stop() }),
			"crash": positive(func(ts *testscript.TestScript, args []string) { ts.Check(scriptCluster(ts).kill(only(ts, args))) }),
			"serve": positive(func(ts *testscript.TestScript, args []string) { ts.Check(scriptCluster(ts).serve(only(ts, args))) }),
			"exits": positive(scriptExits),
			"foci":  scriptFoci,
		},
	})
}

// clusterKey is where a script keeps its cluster, as a **cluster.
type clusterKey struct{}

func scriptCluster(ts *testscript.TestScript) *cluster {
	c := *ts.Value(clusterKey{}).(**cluster)
	if c == nil {
		ts.Fatalf("no cluster: begin with up")
	}
	return c
}

func scriptUp(ts *testscript.TestScript, args []string) {
	kept := ts.Value(clusterKey{}).(**cluster)
	if *kept == nil {
		c, err := newCluster(ts.MkAbs("cluster"), 3, args...)
		ts.Check(err)
		ts.Setenv("FOCI_REMOTE", strings.Join(c.remotes(), ","))
		ts.Setenv("PORT", strconv.Itoa(c.port))
		ts.Defer(c.stop)
		*kept = c
	}
	ts.Check((*kept).start())
}

func scriptFoci(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(binary, args...)
	if neg && err == nil {
		ts.Fatalf("foci succeeded")
	}
	if !neg {
		ts.Check(err)
	}
}

func scriptExits(ts *testscript.TestScript, args []string) {
	if len(args) < 2 || args[1] != "foci" {
		ts.Fatalf("want: exits N foci …")
	}
	err := ts.Exec(binary, args[2:]...)
	var failed *exec.ExitError
	got := 0
	switch {
	case errors.As(err, &failed):
		got = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// positive refuses negation, which none of these commands has a meaning for.
func positive(do func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		do(ts, args)
	}
}

func only(ts *testscript.TestScript, args []string) string {
	if len(args) != 1 {
		ts.Fatalf("want one node's name")
	}
	return args[0]
}
