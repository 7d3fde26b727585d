package mesh

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// silent are connections made beside the runtime, so that what is measured is
// the listening side's memory alone.
type silent struct {
	t   testing.TB
	to  syscall.Sockaddr
	fds []int
}

func silentPeers(t testing.TB, addr string, files int) *silent {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Max < uint64(files) {
		t.Skipf("needs %d open files, %d are allowed", files, l.Max)
	}
	if old := l; l.Cur < uint64(files) {
		l.Cur = uint64(files)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			t.Skipf("the limit of open files cannot be raised: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old) })
	}
	ap := netip.MustParseAddrPort(addr)
	s := &silent{t: t, to: &syscall.SockaddrInet4{Addr: ap.Addr().As4(), Port: int(ap.Port())}}
	t.Cleanup(s.close)
	return s
}

// connect makes one more, which says b and then nothing.
func (s *silent) connect(b []byte) {
	s.t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.fds = append(s.fds, fd)
	if err := syscall.Connect(fd, s.to); err != nil {
		s.t.Fatal(err)
	}
	if len(b) > 0 {
		_, _ = syscall.Write(fd, b)
	}
}

func (s *silent) close() {
	for _, fd := range s.fds {
		_ = syscall.Close(fd)
	}
	s.fds = nil
}

// memory is what the runtime uses for heap and stacks, in bytes.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// memoryOfEach makes as many connections as may be to a node of those credentials,
// each of which says b, and returns what all take, divided by their number.
func memoryOfEach(t *testing.T, creds *auth.Credentials, b []byte) int64 {
	t.Helper()
	nd := startNode(t, 1, func(c *Config) { c.Auth, c.Timing.Handshake = creds, time.Minute })
	s := silentPeers(t, nd.addr, 4096)
	before := memory()
	most := nd.cfg.Limits.Unauthenticated
	for range most {
		s.connect(b)
	}
	waitFor(t, "all to be known", func() bool { return int64(nd.handshakes.Unauthenticated())+nd.Stats().Refused == int64(most) })
	was, since := memory(), time.Now()
	waitFor(t, "memory that stays for 50 ms: all have read what there is", func() bool {
		if now := memory(); now-was > 64<<10 || was-now > 64<<10 {
			was, since = now, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	})
	each := (memory() - before) / int64(most)
	s.close()
	waitFor(t, "nobody", func() bool { return nd.handshakes.Unauthenticated() == 0 })
	return each
}

// clientHello is the first message of TLS.
func clientHello(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		_ = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true}).Handshake()
	}()
	b := make([]byte, 16<<10)
	n, err := ours.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	return b[:n]
}

// TestUnauthenticatedMemory: connections whose peers have not proved who they are
// take at most 16 KiB for each that there may be, whatever they have said so far.
func TestUnauthenticatedMemory(t *testing.T) {
	const most = 16 << 10
	home := newPKI(t, "test")
	certs := home.node(nodeID(1), time.Now())
	long := frame.AppendHeader(nil, &frame.Header{Type: frame.Hello, Size: frame.MaxHello})
	for _, tc := range []struct {
		name  string
		creds *auth.Credentials
		says  []byte
	}{
		{"nothing", nil, nil},
		{"half of the longest hello", nil, append(long, make([]byte, frame.MaxHello/2)...)},
		{"key: half of a long hello in plain", clusterKey(1), append(long, make([]byte, frame.MaxHello/2)...)},
		{"TLS: nothing", certs, nil},
		{"TLS: half of its first message", certs, clientHello(t)[:200]},
		{"TLS: half of a long first message", certs, append([]byte{0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc}, make([]byte, 15<<10)...)},
		{"TLS: its first message", certs, clientHello(t)},
	} {
		each := memoryOfEach(t, tc.creds, tc.says)
		t.Logf("%-34s %6d bytes", tc.name, each)
		if each > most {
			t.Errorf("%s: %d bytes for each, want at most %d", tc.name, each, most)
		}
	}
}

// TestTenThousandUnauthenticated: of so many connections that say nothing only the
// newest stay, memory does not grow, and those who know what to say come in.
func TestTenThousandUnauthenticated(t *testing.T) {
	const all = 10_000
	home := newPKI(t, "test")
	for name, creds := range map[string][2]*auth.Credentials{
		"nothing": {}, "key": {clusterKey(1), clientKey(t, 1, "web")}, "tls": {home.node(nodeID(1), time.Now()), home.client("web")},
	} {
		t.Run(name, func(t *testing.T) {
			nd := startNode(t, 1, with(creds[0]))
			member := startClient(t, with(creds[1]))
			l := connect(t, member, nd, false)
			s := silentPeers(t, nd.addr, all+4096)
			before := memory()
			for i := range all {
				s.connect(nil)
				if i%1000 == 0 {
					if _, err := l.Call(testContext(t), 2, methodNull, nil, nil); err != nil {
						t.Fatalf("after %d: %v", i, err)
					}
				}
				if n := nd.handshakes.Unauthenticated(); n > nd.cfg.Limits.Unauthenticated {
					t.Fatalf("%d are kept", n)
				}
			}
			if grown := memory() - before; grown > int64(nd.cfg.Limits.Unauthenticated)*16<<10 {
				t.Errorf("%d bytes for %d connections", grown, all)
			}
			connect(t, startClient(t, with(creds[1])), nd, false)
			s.close()
		})
	}
}

// TestGarbageOfEveryLength: on every kind of listener, nothing comes of it.
func TestGarbageOfEveryLength(t *testing.T) {
	home := newPKI(t, "test")
	hello := clientHello(t)
	for name, creds := range map[string]*auth.Credentials{"nothing": nil, "key": clusterKey(1), "tls": home.node(nodeID(1), time.Now())} {
		t.Run(name, func(t *testing.T) {
			nd := startNode(t, 1, with(creds), func(c *Config) { c.Timing.Handshake = time.Second })
			texts := [][]byte{bytes.Repeat([]byte{0xa5}, 70<<10), make([]byte, 70<<10), bytes.Repeat(hello, 70<<10/len(hello))}
			sent := 0
			for n := 0; n < 70<<10; n += 1 + n/8 {
				for _, text := range texts {
					conn, err := net.Dial("tcp", nd.addr)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = conn.Write(text[:n])
					_ = conn.Close()
					sent++
				}
			}
			waitFor(t, "all to be gone", func() bool { return nd.handshakes.Unauthenticated() == 0 && nd.Stats().Refused == int64(sent) })
		})
	}
}

// FuzzHandshake: whatever frames one sends who has no key, he does not come in.
func FuzzHandshake(f *testing.F) {
	f.Add(uint8(frame.Hello), helloOf(func(h *handshake.Hello) { h.Auth, h.Proof = auth.StepKey, make([]byte, handshake.NonceSize) }), uint8(14), make([]byte, 32))
	f.Add(uint8(frame.Hello), helloOf(nil), uint8(frame.Request), []byte("give"))
	nd := startNode(f, 1, with(clusterKey(1)))
	f.Fuzz(func(t *testing.T, first uint8, a []byte, second uint8, b []byte) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			nd.accept(theirs, 1, nd.handshakes.Enter(theirs))
		}()
		frame := func(kind uint8, contents []byte) []byte {
			return frame.Append(nil, &frame.Header{Type: frame.Type(kind)}, contents[:min(len(contents), frame.MaxHello)], nil)
		}
		play(ours, frame(first, a), frame(second, b))
		<-done
		if n := nd.inboundCount(); n != 0 {
			t.Errorf("%d came in", n)
		}
	})
}

func (m *Mesh) inboundCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.inbound)
}
