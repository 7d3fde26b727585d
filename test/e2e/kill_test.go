package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// dial is a client of the cluster, closed when the test ends.
func dial(t *testing.T, c *cluster) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cl, err := client.Dial(ctx, client.Config{Remotes: c.remotes(), Credential: filepath.Join(c.dir, "client.credential"), Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close() })
	return cl
}

// content is what the i-th object holds: its size and bytes follow from i. A
// few are larger than one transaction.
func content(i int) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 17))
	size := r.IntN(8 << 10)
	if i%200 == 7 {
		size = foci.MaxPayload + r.IntN(foci.MaxPayload)
	}
	b := make([]byte, size)
	var seed [32]byte
	copy(seed[:], fmt.Sprint(i))
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func objectName(i int) foci.Name {
	return foci.Name{Bucket: "kill-all", Key: fmt.Sprintf("object-%04d", i)}
}

// TestKillAll kills every process while a thousand puts are in flight. After a
// restart every acknowledged one is there byte for byte, and every other one
// either whole or absent.
func TestKillAll(t *testing.T) {
	const puts, ackedBefore = 1000, 300
	c := startCluster(t)
	acked := flight(t, c, puts, ackedBefore)
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	s := dial(t, c).Session(client.SessionOptions{})
	var there, absent, wholeUnacked int
	for i := range puts {
		got, err := readAll(t.Context(), s, objectName(i))
		switch {
		case err == nil && bytes.Equal(got, content(i)):
			there++
			if !acked[i].Load() {
				wholeUnacked++
			}
		case err == nil:
			t.Errorf("object %d came back with %d other bytes", i, len(got))
		case acked[i].Load():
			t.Errorf("object %d was acknowledged: %v", i, err)
		case foci.KindOf(err) != foci.NotFound:
			t.Errorf("object %d is neither there nor absent: %v", i, err)
		default:
			absent++
		}
	}
	t.Logf("%d there, %d of them without an acknowledgement; %d absent", there, wholeUnacked, absent)
	if absent == 0 {
		t.Error("every put was done before the kill: it interrupted nothing")
	}
}

// flight starts all puts at once, kills everything when some are acknowledged,
// and says which were.
func flight(t *testing.T, c *cluster, puts, ackedBefore int) []atomic.Bool {
	t.Helper()
	s := dial(t, c).Session(client.SessionOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	acked := make([]atomic.Bool, puts)
	var count atomic.Int64
	enough := make(chan struct{})
	var all sync.WaitGroup
	for i := range puts {
		all.Go(func() {
			b := content(i)
			if _, err := s.Put(ctx, objectName(i), bytes.NewReader(b), int64(len(b)), client.PutOptions{}); err != nil {
				return
			}
			acked[i].Store(true)
			if count.Add(1) == int64(ackedBefore) {
				close(enough)
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	select {
	case <-enough:
	case <-ended:
		t.Fatalf("only %d of %d puts were acknowledged", count.Load(), puts)
	}
	c.killAll(t)
	cancel() // nobody is left who could answer
	<-ended
	return acked
}

func readAll(ctx context.Context, s *client.Session, n foci.Name) ([]byte, error) {
	o, err := s.Get(ctx, n, client.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

// TestTree copies a tree of source files while a node is killed half way, and
// reads it back with that node dead, and then with another one dead.
func TestTree(t *testing.T) {
	src := sourceTree(t)
	files := filesBelow(t, src)
	c := startCluster(t)
	type ended struct {
		stdout, stderr string
		status         int
	}
	done := make(chan ended, 1)
	go func() {
		out, errs, status := c.run(nil, "cp", "-r", "--json", src, "foci://gosrc/src")
		done <- ended{out, errs, status}
	}()
	awaitObject(t, c, foci.Name{Bucket: "gosrc", Key: "src/" + files[len(files)/2]})
	if err := c.kill("n1"); err != nil {
		t.Fatal(err)
	}
	if e := <-done; e.status != 0 {
		t.Fatalf("cp: status %d\n%s%s", e.status, e.stdout, e.stderr)
	}
	readBack(t, c, src, files)
	if err := c.serve("n1"); err != nil {
		t.Fatal(err)
	}
	if err := c.kill("n2"); err != nil {
		t.Fatal(err)
	}
	readBack(t, c, src, files)
}

// readBack copies the tree out of the store and compares it file by file.
func readBack(t *testing.T, c *cluster, src string, files []string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "back")
	if out, errs, status := c.run(nil, "cp", "-r", "foci://gosrc/src", dst); status != 0 {
		t.Fatalf("cp back: status %d\n%s%s", status, out, errs)
	}
	back := filesBelow(t, dst)
	if len(back) != len(files) {
		t.Fatalf("%d files came back, want %d", len(back), len(files))
	}
	for _, f := range files {
		if want, got := readFile(t, src, f), readFile(t, dst, f); !bytes.Equal(want, got) {
			t.Fatalf("%s: %d bytes came back, and not the same as the %d that were stored", f, len(got), len(want))
		}
	}
}
