package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/foci-store/foci/test/process"
)

// inside is set in the environment of the process that is in the lab.
const inside = "FOCI_LAB_INSIDE"

// unable is why no lab can be made here; empty when one can.
var unable string

// binary is foci, built once.
var binary string

// Full reports whether scenarios take their full lengths.
func Full() bool { return os.Getenv("FOCI_LAB") == "full" }

func must() bool { return Full() || os.Getenv("FOCI_LAB") == "ci" }

// Main is TestMain of packages that use the lab. It returns the exit status.
func Main(m *testing.M) int {
	if os.Getenv(inside) == "" {
		if unable = lacking(); unable == "" {
			status, err := again()
			if err == nil {
				return status
			}
			unable = "namespaces cannot be made: " + err.Error()
		}
		return refuseOrRun(m)
	}
	dir, err := os.MkdirTemp("", "foci-lab-*")
	if err != nil {
		unable = err.Error()
		return refuseOrRun(m)
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(furnish(), build(dir)); err != nil {
		unable = err.Error()
	}
	return refuseOrRun(m)
}

// refuseOrRun runs the tests, which skip themselves when there is no lab,
// unless a lab was insisted on.
func refuseOrRun(m *testing.M) int {
	if unable != "" && must() {
		fmt.Fprintln(os.Stderr, "lab:", unable)
		return 1
	}
	return m.Run()
}

// lacking is what must be there before namespaces are tried.
func lacking() string {
	if os.Getenv("FOCI_LAB") == "off" {
		return "FOCI_LAB is off"
	}
	for _, name := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(name); err != nil {
			return "program " + name + " is missing: install iproute2 and nftables"
		}
	}
	return ""
}

// again runs this very program as the first process of new namespaces. When it
// dies the kernel ends every process in them and removes them; and it dies
// with us.
func again() (int, error) {
	runtime.LockOSThread() // Pdeathsig follows the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL,
	}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, nil //nolint:nilerr // it ran: this is no reason to skip
	}
	return max(cmd.ProcessState.ExitCode(), btoi(err != nil)), nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// furnish gives the new namespaces what ip needs: mounts that no process outside
// sees, for the names of network namespaces and for files of /etc that differ
// from host to host.
func furnish() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts cannot be made private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	run, err := filepath.EvalSymlinks("/var/run")
	if err != nil {
		return err
	}
	for _, dir := range []string{run, "/etc/netns"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
	}
	return ip("link set lo up")
}

// build compiles foci.
func build(dir string) (err error) {
	binary, err = process.Build(dir)
	return err
}

// ip runs commands of the program ip, one a line.
func ip(lines ...string) error {
	return feed(exec.Command("ip", "-batch", "-"), strings.Join(lines, "\n")+"\n")
}

// feed runs a command with text on its standard input.
func feed(cmd *exec.Cmd, text string) error {
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%sinput:\n%s", strings.Join(cmd.Args, " "), err, out, text)
	}
	return nil
}
