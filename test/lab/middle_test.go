package lab

import (
	"errors"
	"testing"
	"time"
)

// TestManInTheMiddle: all connections of a cluster with a key, of nodes and of
// clients, pass through a process that looks for what it could understand and
// changes bytes. It finds nothing; no operation fails for what it changes, and
// nothing that it changed is ever read back.
func TestManInTheMiddle(t *testing.T) {
	t.Parallel()
	l := New(t)
	hosts := []*Host{l.Host("a"), l.Host("b"), l.Host("c")}
	// The beginnings of a request and of a reply, a bucket, a key, and a part of
	// the content.
	m := l.Between([]string{"FOC1\x04\x00", "FOC1\x05\x00", "middling", "object-0000", "0000000000000000003\n"}, hosts...)
	c := l.ClusterThrough(m, hosts...)
	c.Start()
	c.AwaitWhole(10 * time.Second)
	load := l.Load(c.Dial(), "middling", 20*time.Second)
	load.Progress(l, 200, 20*time.Second)
	const changes = 30
	for range changes / 3 {
		m.Change(3)
		l.Eventually(10*time.Second, "three bytes are changed", func() error {
			if m.change.Load() > 0 {
				return errors.New("not yet")
			}
			return nil
		})
		load.Progress(l, 20, 20*time.Second)
	}
	load.ReadBack()
	if n, err := load.Failed(); n > 0 {
		t.Errorf("%d puts failed, the first: %v", n, err)
	}
	if n := m.found.Load(); n > 0 {
		t.Errorf("the middle understood %d of what passed, first %q", n, m.first)
	}
	if m.changed.Load() < changes || m.bytes.Load() < 1<<20 {
		t.Errorf("%d bytes changed of %d: this tests nothing", m.changed.Load(), m.bytes.Load())
	}
	t.Logf("%d bytes passed, %d changed, %d puts acknowledged", m.bytes.Load(), m.changed.Load(), load.Acked())
}
