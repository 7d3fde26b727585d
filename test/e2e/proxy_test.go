package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// proxy is what everybody dials in place of one node, so that a test can reset
// single connections.
type proxy struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	open     map[*net.TCPConn]*net.TCPConn // from → to
	closed   bool
	running  sync.WaitGroup
}

func startProxy(from, to string) (*proxy, error) {
	l, err := net.Listen("tcp4", from)
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, to: to, open: map[*net.TCPConn]*net.TCPConn{}}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.carry(c.(*net.TCPConn)) })
	}
}

func (p *proxy) carry(from *net.TCPConn) {
	defer from.Close()
	c, err := net.Dial("tcp4", p.to)
	if err != nil {
		reset(from) // the node is down: whoever dials learns it at once
		return
	}
	to := c.(*net.TCPConn)
	defer to.Close()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.open[from] = to
	p.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(from, to)
		_ = from.CloseWrite()
	})
	_, _ = io.Copy(to, from)
	_ = to.CloseWrite()
	back.Wait()
	p.mu.Lock()
	delete(p.open, from)
	p.mu.Unlock()
}

func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// killOne resets a random connection on both sides and reports whether there was one.
func (p *proxy) killOne() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.open)
	if n == 0 {
		return false
	}
	n = rand.IntN(n)
	for from, to := range p.open {
		if n == 0 {
			reset(from)
			reset(to)
			return true
		}
		n--
	}
	return false
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for from, to := range p.open {
		reset(from)
		reset(to)
	}
	p.mu.Unlock()
	p.running.Wait()
}

// startProxied is a cluster of three nodes, each behind a proxy: the addresses
// that the layout names are the proxies'.
func startProxied(t *testing.T) (*cluster, []*proxy) {
	t.Helper()
	c := startCluster(t)
	c.stop()
	behind, err := freePorts(c.size)
	if err != nil {
		t.Fatal(err)
	}
	var proxies []*proxy
	for i := range c.size {
		at, listen := fmt.Sprintf("127.0.0.1:%d", c.port+i), fmt.Sprintf("127.0.0.1:%d", behind+i)
		p, err := startProxy(at, listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.close)
		proxies = append(proxies, p)
		name := fmt.Sprintf("n%d", i+1)
		path := filepath.Join(c.dir, name, "foci.toml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head := []byte("[[address]]\n")
		if !bytes.Contains(text, head) {
			t.Fatalf("%s has no address:\n%s", path, text)
		}
		text = bytes.Replace(text, head, fmt.Appendf(head, "listen = '%s'\n", listen), 1)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.serve(name); err != nil {
			t.Fatal(err)
		}
	}
	return c, proxies
}
