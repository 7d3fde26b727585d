package e2e

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/testwait"
	"github.com/foci-store/foci/test/process"
)

// TestMemoryIsGivenBack loads three nodes with large objects and waits until
// each has given the memory back to the system: what a node without load has is
// some 10 MiB, besides its program.
func TestMemoryIsGivenBack(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc: ", err)
	}
	const most, soon = 32 << 20, time.Minute
	c := startCluster(t)
	s := dial(t, c).Session(client.SessionOptions{})
	body := bytes.Repeat([]byte("memory! "), foci.MaxPayload/8)
	var load sync.WaitGroup
	for i := range 32 {
		load.Go(func() {
			name := foci.Name{Bucket: "memory-test", Key: fmt.Sprint(i)}
			if _, err := s.Put(t.Context(), name, bytes.NewReader(body), int64(len(body)), client.PutOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	load.Wait()
	for node, pid := range c.pids {
		at := anonymous(t, pid)
		took := testwait.Until(t, soon, node+" to give memory back", func() error {
			if now := anonymous(t, pid); now > most {
				return fmt.Errorf("%d MiB as the load ended, %d MiB now", at>>20, now>>20)
			}
			return nil
		})
		t.Logf("%s: %d MiB as the load ended, %d MiB after %v", node, at>>20, anonymous(t, pid)>>20, took.Round(time.Second))
	}
}

// anonymous is how much memory a process has that is in no file.
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	m, err := process.MemoryOf(pid)
	must(t, err)
	return m.Anonymous
}
