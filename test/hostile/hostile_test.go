package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/test/process"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(ordersEnv); text != "" {
		os.Exit(obey(text))
	}
	os.Exit(m.Run())
}

// lengthEnv says which of the tests run: ci, or full for all of them. They take
// both processors, so that they would disturb others.
const lengthEnv = "FOCI_HOSTILE"

// build makes foci.
func build(t *testing.T) (binary string) {
	t.Helper()
	binary, err := process.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// The attack's length, and how much a node may grow under it.
const (
	attackFor = 12 * time.Second
	mayGrow   = 128 << 20
)

// TestHostile: while a client and strangers attack, no operation of another
// client fails and no node grows by more than mayGrow; afterwards everything
// works without a restart.
func TestHostile(t *testing.T) {
	if os.Getenv(lengthEnv) == "" {
		t.Skip("set " + lengthEnv + "=ci: it attacks a cluster of its own with all that the machine has")
	}
	c := start(t, build(t))
	victim := dialVictim(t, c)
	warmUp(t, victim, 2*time.Second)
	idle, err := c.sizes()
	if err != nil {
		t.Fatal(err)
	}

	most := c.watch()
	l := &load{session: victim.Session(client.SessionOptions{})}
	ctx, cancel := context.WithTimeout(t.Context(), attackFor)
	defer cancel()
	client, strangers := attackers(t, c)
	l.run(ctx)
	endAttack(t, client)
	endAttack(t, strangers)

	largest, err := most()
	if err != nil {
		t.Fatal(err)
	}
	for i := range largest {
		t.Logf("node %d: %d MiB idle, at most %d MiB under attack", i+1, idle[i]>>20, largest[i]>>20)
		if grown := largest[i] - idle[i]; grown > mayGrow {
			t.Errorf("node %d grew by %d MiB, at most %d are allowed", i+1, grown>>20, mayGrow>>20)
		}
	}
	t.Logf("%d operations of others, %d failed, p99 %v", len(l.took), l.failed, l.p99())
	if l.failed > 0 || len(l.took) == 0 {
		t.Errorf("%d operations of others failed, %d did not; the first: %v", l.failed, len(l.took), l.first)
	}
	afterwards(t, c, l)
}

// dialVictim is an honest client of the cluster.
func dialVictim(t *testing.T, c *target) *client.Client {
	t.Helper()
	return dialAs(t, c, c.credential(t, "victim"))
}

func dialAs(t *testing.T, c *target, credential string) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cl, err := client.Dial(ctx, client.Config{Remotes: c.remotes, Credential: credential})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cl.Close() })
	return cl
}

// warmUp works for a while, so that what nodes need for work is not taken for
// growth.
func warmUp(t *testing.T, cl *client.Client, d time.Duration) {
	t.Helper()
	l := &load{session: cl.Session(client.SessionOptions{})}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if l.run(ctx); l.failed > 0 {
		t.Fatalf("%d operations failed before the attack: %v", l.failed, l.first)
	}
}

// attackers starts two processes: a client that has turned hostile, and one
// without a credential.
func attackers(t *testing.T, c *target) (client, strangers *exec.Cmd) {
	t.Helper()
	o := orders{Remotes: c.remotes, For: attackFor}
	strangers = startAttack(t, c, o)
	o.Credential = c.credential(t, "mallory")
	return startAttack(t, c, o), strangers
}

func startAttack(t *testing.T, c *target, o orders) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.command(os.Args[0])
	cmd.Env = append(cmd.Env, ordersEnv+"="+string(text))
	cmd.Stderr = new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// endAttack waits for a hostile process. It fails when an attack did harm.
func endAttack(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	if said := cmd.Stderr.(*bytes.Buffer); errors.As(err, &exit) || said.Len() > 0 {
		t.Errorf("attackers: %v\n%s", err, said)
	}
}

// afterwards wants everything to work, for those who were here and for new ones.
func afterwards(t *testing.T, c *target, l *load) {
	t.Helper()
	if err := l.check(); err != nil {
		t.Errorf("after the attack: %v", err)
	}
	fresh := dialAs(t, c, c.credential(t, "newcomer"))
	nodes, err := fresh.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if !n.Up {
			t.Errorf("node %s does not answer: %s", n.Name, n.Error)
		}
	}
	warmUp(t, fresh, time.Second)
	mesh, err := fresh.Mesh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range mesh {
		if p.Self || p.Is == nil {
			continue
		}
		up := 0
		for _, k := range p.Is.Links {
			if k.Up {
				up++
			}
		}
		if up < len(nodes)-1 {
			t.Errorf("node %s has %d links up, want %d", p.Name, up, len(nodes)-1)
		}
	}
}

// TestHostileSpeed: an attacker that has a tenth of a processor costs others no
// more than a fifth of their rate and twice their p99, compared with a process
// that only burns as much: medians of five, in turn.
func TestHostileSpeed(t *testing.T) {
	if os.Getenv(lengthEnv) != "full" {
		t.Skip("set " + lengthEnv + "=full: it takes two minutes and wants a quiet machine")
	}
	q, err := newQuota()
	if err != nil {
		t.Skipf("it needs root and cgroups with the cpu controller: %v", err)
	}
	t.Cleanup(func() { _ = q.remove() })
	c := start(t, build(t))
	victim := dialVictim(t, c)
	mallory := c.credential(t, "mallory")
	warmUp(t, victim, 5*time.Second)
	const each = 10 * time.Second
	var rates, tails [2][]float64
	for range 5 {
		for i, o := range []orders{{Spin: true}, {Credential: mallory}} {
			o.Remotes, o.For = c.remotes, each
			cmd := startAttack(t, c, o)
			if err := q.add(cmd.Process.Pid); err != nil {
				t.Fatal(err)
			}
			l := &load{session: victim.Session(client.SessionOptions{})}
			ctx, cancel := context.WithTimeout(t.Context(), each)
			l.run(ctx)
			cancel()
			endAttack(t, cmd)
			if l.failed > 0 {
				t.Errorf("%d operations failed: %v", l.failed, l.first)
			}
			rates[i] = append(rates[i], float64(len(l.took))/each.Seconds())
			tails[i] = append(tails[i], l.p99().Seconds())
		}
	}
	rate, tail := median(rates[1])/median(rates[0]), median(tails[1])/median(tails[0])
	t.Logf("rates: %.0f under attack, %.0f beside a spinner: %.2f x; p99 %.2f x", rates[1], rates[0], rate, tail)
	if rate < 0.8 || tail > 2 {
		t.Errorf("others work at %.2f x (at least 0.8), their p99 is %.2f x (at most 2)", rate, tail)
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
