package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Host is a machine: a network namespace with an interface on each of its
// networks, a directory, and processes.
type Host struct {
	lab   *Lab
	name  string
	ns    string
	dir   string
	ports []port
	rules []*Fault // what its packet filter drops
	nat   []string // further rules of its packet filter
	all   []*Process
}

// port is an interface of a host.
type port struct {
	net    *Network
	number int
	outer  string // the end at the bridge
	inner  string // the end in the host
}

// Host adds a machine on these networks; none: the lab's first one.
func (l *Lab) Host(name string, nets ...*Network) *Host {
	l.t.Helper()
	if len(nets) == 0 {
		nets = []*Network{l.lan}
	}
	h := &Host{lab: l, name: name, ns: fmt.Sprintf("%s-%d", name, l.lan.id), dir: filepath.Join(l.dir, name)}
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	lines := []string{"netns add " + h.ns}
	for i, n := range nets {
		n.taken++
		p := port{net: n, number: n.taken, outer: fmt.Sprintf("p%d-%d", n.id, n.taken), inner: fmt.Sprintf("eth%d", i)}
		h.ports = append(h.ports, p)
		lines = append(lines, fmt.Sprintf("link add %s type veth peer name %s netns %s", p.outer, p.inner, h.ns),
			fmt.Sprintf("link set %s master %s up", p.outer, n.bridge()))
	}
	if err := ip(lines...); err != nil {
		l.t.Fatal(err)
	}
	l.hosts = append(l.hosts, h)
	h.configure()
	return h
}

// configure sets the host's addresses and routes, and its packet filter.
func (h *Host) configure() {
	h.lab.t.Helper()
	lines := []string{"link set lo up"}
	for _, p := range h.ports {
		lines = append(lines, fmt.Sprintf("addr add %v/24 dev %s", p.net.addr(p.number), p.inner),
			fmt.Sprintf("addr add %v/64 dev %s nodad", p.net.addr6(p.number), p.inner), "link set "+p.inner+" up")
	}
	// Multicast goes by the way that everything without another way goes.
	lines = append(lines, fmt.Sprintf("route add default via %v", h.ports[0].net.addr(1)))
	if err := feed(exec.Command("ip", "-n", h.ns, "-batch", "-"), strings.Join(lines, "\n")+"\n"); err != nil {
		h.lab.t.Fatal(err)
	}
	h.filter()
}

// Addr is the host's IPv4 address on its first network.
func (h *Host) Addr() netip.Addr { return h.AddrOn(0) }

// AddrOn is the host's IPv4 address on its i-th network.
func (h *Host) AddrOn(i int) netip.Addr { return h.ports[i].net.addr(h.ports[i].number) }

// Addr6 is the host's IPv6 address on its first network.
func (h *Host) Addr6() netip.Addr { return h.ports[0].net.addr6(h.ports[0].number) }

// LinkDown pulls the host's cable on its first network.
func (h *Host) LinkDown() { h.cable("down") }

// LinkUp puts it back.
func (h *Host) LinkUp() { h.cable("up") }

func (h *Host) cable(state string) {
	h.lab.t.Helper()
	if err := ip("link set " + h.ports[0].outer + " " + state); err != nil {
		h.lab.t.Error(err)
	}
}

// SmallDisk gives the node of the host a file system of its own, of so many
// bytes, for all that it keeps. It must not run.
func (h *Host) SmallDisk(size int) {
	h.lab.t.Helper()
	dir := filepath.Join(h.dir, "node")
	kept := os.DirFS(h.dir + "/node.kept")
	err := os.Rename(dir, h.dir+"/node.kept")
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	}
	if err == nil {
		err = os.CopyFS(dir, kept) // which lets others read what it copies
	}
	for _, secret := range []string{"cluster.key", "metrics.token"} {
		if err == nil {
			err = os.Chmod(filepath.Join(dir, secret), 0o600)
		}
	}
	if err != nil {
		h.lab.t.Fatal(err)
	}
	h.lab.t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			h.lab.t.Error(err)
		}
	})
}

// Fill takes all the room on a node's disk. It returns what to remove for that
// to end.
func (h *Host) Fill() (junk string) {
	h.lab.t.Helper()
	junk = filepath.Join(h.dir, "node", "junk")
	f, err := os.Create(junk)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		h.lab.t.Fatal(err)
	}
	return junk
}

// Run runs a command on the host and returns what it printed.
func (h *Host) Run(name string, args ...string) (string, error) {
	cmd := h.command(name, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s on %s: %w\n%s", name, h.name, err, out)
	}
	return string(out), err
}

// command is a command line that runs on the host.
func (h *Host) command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.ns, name}, args...)...)
}

// Set writes a value of the host's kernel, like net/ipv4/ip_forward.
func (h *Host) Set(key, value string) {
	h.lab.t.Helper()
	if _, err := h.Run("sh", "-c", `echo "$2" > "/proc/sys/$1"`, "sh", key, value); err != nil {
		h.lab.t.Fatal(err)
	}
}

// File writes a file into the host's directory and returns its path.
func (h *Host) File(name, text string) string {
	h.lab.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.lab.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.lab.t.Fatal(err)
	}
	return path
}
