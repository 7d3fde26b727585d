package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/testwait"
)

// Lab is the networks and hosts of one test. All of it belongs to the test's
// goroutine, except where methods say otherwise.
type Lab struct {
	t     testing.TB
	dir   string // of the hosts' files
	lan   *Network
	hosts []*Host
}

// New makes a lab with one network. It is taken down when the test ends, and
// what its processes said is shown if the test failed.
func New(t testing.TB) *Lab {
	t.Helper()
	if unable != "" {
		t.Skip(unable)
	}
	l := &Lab{t: t, dir: t.TempDir()}
	l.lan = l.Network()
	t.Cleanup(l.close)
	return l
}

func (l *Lab) close() {
	for _, h := range l.hosts {
		h.stopAll()
	}
	if l.t.Failed() {
		l.keepLogs()
	}
	for _, h := range l.hosts {
		if err := ip("netns del " + h.ns); err != nil {
			l.t.Error(err)
		}
	}
}

// keepLogs shows the end of what each process said, and keeps all of it in
// FOCI_LAB_LOGS if that names a directory.
func (l *Lab) keepLogs() {
	keep := os.Getenv("FOCI_LAB_LOGS")
	for _, h := range l.hosts {
		for _, p := range h.all {
			text := p.said()
			const tail = 4 << 10
			l.t.Logf("%s said at last:\n%s", p.name, text[max(0, len(text)-tail):])
			if keep == "" {
				continue
			}
			file := filepath.Join(keep, filepath.Base(l.t.Name())+"-"+p.name+".log")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				l.t.Log(err)
			}
		}
	}
}

// networks are counted over all labs of the process, which may run in parallel.
var networks atomic.Int32

// Network is a bridge. The test itself is on each network, as host 1.
type Network struct {
	id    int
	taken int // host numbers
}

// Network adds a network; New has made the first one.
func (l *Lab) Network() *Network {
	l.t.Helper()
	n := &Network{id: int(networks.Add(1)), taken: 9}
	if n.id > 250 {
		l.t.Fatal("more than 250 networks")
	}
	br := n.bridge()
	err := ip(
		"link add "+br+" type bridge", "link set "+br+" up",
		fmt.Sprintf("addr add %v/24 dev %s", n.addr(1), br),
		fmt.Sprintf("addr add %v/64 dev %s nodad", n.addr6(1), br),
	)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = ip("link del " + br) })
	return n
}

func (n *Network) bridge() string { return fmt.Sprintf("lan%d", n.id) }

// addr is the IPv4 address of a host number on the network.
func (n *Network) addr(host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 77, byte(n.id), byte(host)})
}

// addr6 is the IPv6 address.
func (n *Network) addr6(host int) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 7: byte(n.id), 15: byte(host)})
}

// Eventually waits until check returns nil, for as long as within, and returns how
// long that took.
func (l *Lab) Eventually(within time.Duration, what string, check func() error) time.Duration {
	l.t.Helper()
	return testwait.Until(l.t, within, what, check)
}

// Pass lets time pass: the length of a fault, not a wait for something.
func (l *Lab) Pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-l.t.Context().Done():
	}
}
