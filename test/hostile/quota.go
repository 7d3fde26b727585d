package hostile

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// quota is a cgroup whose processes get a tenth of one processor.
type quota struct{ dir string }

const (
	period = 100_000 // microseconds
	share  = period / 10
)

// newQuota makes one, by version 2 of cgroups where that is mounted, else by the
// cpu controller of version 1.
func newQuota() (*quota, error) {
	name := fmt.Sprintf("foci-hostile-%d", os.Getpid())
	v2 := "/sys/fs/cgroup/cgroup.controllers"
	if _, err := os.Stat(v2); err == nil {
		_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+cpu"), 0o644) // it may be on already
		q := &quota{filepath.Join("/sys/fs/cgroup", name)}
		return q, q.make("cpu.max", fmt.Sprintf("%d %d", share, period))
	}
	q := &quota{filepath.Join("/sys/fs/cgroup/cpu", name)}
	if err := q.make("cpu.cfs_period_us", strconv.Itoa(period)); err != nil {
		return q, err
	}
	return q, q.set("cpu.cfs_quota_us", strconv.Itoa(share))
}

func (q *quota) make(file, value string) error {
	if err := os.Mkdir(q.dir, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	return q.set(file, value)
}

func (q *quota) set(file, value string) error {
	return os.WriteFile(filepath.Join(q.dir, file), []byte(value), 0o644)
}

// add puts a process under it, with the threads that it has.
func (q *quota) add(pid int) error { return q.set("cgroup.procs", strconv.Itoa(pid)) }

// remove takes it away, once its processes have ended.
func (q *quota) remove() error { return os.Remove(q.dir) }
