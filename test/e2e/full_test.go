package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/foci-store/foci/internal/testwait"
)

// inMounts marks a process of this test that has mounts of its own.
const inMounts = "FOCI_E2E_MOUNTS"

// TestFullDisk runs a node on a small disk of its own. When that is full, while
// the node runs or as it starts, it serves reads and refuses writes; it takes
// writes again when there is space, without a restart.
func TestFullDisk(t *testing.T) {
	if os.Getenv(inMounts) == "" {
		againWithMounts(t)
		return
	}
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=100m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	c, err := newCluster(filepath.Join(disk, "cluster"), 1, "--groups", "1")
	must(t, err)
	c.endWith(t)
	must(t, c.start())
	d := &smallDisk{c: c, ballast: filepath.Join(disk, "ballast")}
	for i := range 20 {
		d.put(t, i)
	}
	d.fill(t) // while the node runs
	d.serves(t, 20)
	d.refuses(t)
	d.free(t)
	d.put(t, 20)
	if err := c.kill("n1"); err != nil {
		t.Fatal(err)
	}
	d.fill(t) // before it starts
	for range 2 {
		if err := c.serve("n1"); err != nil {
			t.Fatal(err)
		}
		d.serves(t, 21)
		d.refuses(t)
		if err := c.kill("n1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.serve("n1"); err != nil {
		t.Fatal(err)
	}
	d.serves(t, 21)
	d.free(t)
	d.put(t, 21)
	d.serves(t, 22)
}

// againWithMounts runs the test in a process with mounts of its own, which end
// with it.
func againWithMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), inMounts+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("may not have mounts of its own: ", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// smallDisk is a disk that can be filled, and the cluster on it.
type smallDisk struct {
	c       *cluster
	ballast string
}

// fill leaves no space.
func (d *smallDisk) fill(t *testing.T) {
	t.Helper()
	f, err := os.Create(d.ballast)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (d *smallDisk) free(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		t.Fatal(err)
	}
}

// put waits until the node takes a write.
func (d *smallDisk) put(t *testing.T, i int) {
	t.Helper()
	testwait.Until(t, patience, fmt.Sprint("put ", i), func() error {
		_, stderr, status := d.c.run(strings.NewReader(fmt.Sprint("content ", i)), "put", fmt.Sprint("disk/key-", i))
		switch {
		case status == 0:
			return nil
		case !strings.Contains(stderr, "disk is full"):
			t.Fatalf("put %d: %s", i, stderr)
		}
		return errors.New(stderr)
	})
}

func (d *smallDisk) serves(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		stdout, stderr, status := d.c.run(nil, "get", fmt.Sprint("disk/key-", i))
		if status != 0 || stdout != fmt.Sprint("content ", i) {
			t.Fatalf("get %d: %q, %s", i, stdout, stderr)
		}
	}
}

func (d *smallDisk) refuses(t *testing.T) {
	t.Helper()
	_, stderr, status := d.c.run(strings.NewReader("more"), "put", "disk/more")
	if status == 0 || !strings.Contains(stderr, "disk is full") || !strings.Contains(stderr, "free space") {
		t.Fatalf("a put on a full disk: status %d, %s", status, stderr)
	}
}
