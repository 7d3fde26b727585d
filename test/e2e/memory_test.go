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
)

// TestMemoryIsGivenBack loads three nodes with large objects and waits until
// each has given the memory back to the system: what a node without load has is
// some 10 MiB, besides its program.
func TestMemoryIsGivenBack(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc: ", err)
	}
	const most, soon = 32 << 10, time.Minute // KiB
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
	ended := time.Now()
	peak := map[string]int{}
	for node, pid := range c.pids {
		peak[node] = anonymous(t, pid)
	}
	for node, pid := range c.pids {
		for kib := anonymous(t, pid); kib > most; kib = anonymous(t, pid) {
			if time.Since(ended) > soon {
				t.Fatalf("%s: %d MiB as the load ended, %d MiB after %v", node, peak[node]>>10, kib>>10, soon)
			}
			time.Sleep(200 * time.Millisecond)
		}
		t.Logf("%s: %d MiB as the load ended, %d MiB after %v", node, peak[node]>>10, anonymous(t, pid)>>10, time.Since(ended).Round(time.Second))
	}
}

// anonymous is how much memory a process has that is no file's, in KiB.
func anonymous(t *testing.T, pid int) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if _, err := fmt.Sscanf(string(line), "RssAnon: %d kB", &kib); err == nil {
			return kib
		}
	}
	t.Fatal("no RssAnon in /proc")
	return 0
}
