//go:build unix

package mesh

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// TestMarked: both sides of a channel carry the DSCP value of its class.
func TestMarked(t *testing.T) {
	change := func(c *Config) { c.Classes[foci.Bulk].DSCP = 10 }
	server, client := startNode(t, 1, change), startClient(t, change)
	l := connect(t, client, server, false)
	for _, class := range []foci.Class{foci.Reg, foci.Bulk} {
		if _, err := l.Call(t.Context(), class, methodEcho, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	var channels []handshake.Opened
	for _, ch := range l.channelList() {
		channels = append(channels, ch.Opened)
	}
	for _, ch := range server.accepted() {
		channels = append(channels, ch.Opened)
	}
	for _, ch := range channels {
		raw, err := ch.Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		got, want := 0, 0
		if ch.Class == foci.Bulk {
			want = 10 << 2
		}
		_ = raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TOS) })
		if err != nil || got != want {
			t.Errorf("%v: type of service %d, want %d (%v)", ch.Class, got, want, err)
		}
	}
}

// TestClassConfig: what makes no sense is refused at the start.
func TestClassConfig(t *testing.T) {
	for _, c := range []ClassConfig{{DSCP: 64}, {Compress: numCompressions}, {QueueBytes: -1}} {
		cfg := Config{Role: foci.RoleTransport}
		cfg.Classes[foci.Reg] = c
		if _, err := New(cfg); foci.KindOf(err) != foci.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for c := range numCompressions {
		if got, err := ParseCompression(c.String()); err != nil || got != c {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	if _, err := ParseCompression("gzip"); foci.KindOf(err) != foci.Invalid {
		t.Error(err)
	}
}

// TestVital: whatever fills the budgets of link and process, ping and state go
// through; and a class that has filled its own queue leaves room to others.
func TestVital(t *testing.T) {
	for name, limit := range map[string]func(*Config){
		"link":    func(c *Config) { c.Limits.LinkRequests = 2 },
		"process": func(c *Config) { c.Limits.Requests = 2 },
		"bytes":   func(c *Config) { c.Limits.LinkBytes = 2048 },
		"queue":   func(c *Config) { c.Classes[foci.Bulk].QueueBytes = 2048 },
	} {
		t.Run(name, func(t *testing.T) {
			server, client := startNode(t, 1), startClient(t, limit)
			l := connect(t, client, server, false)
			var held []<-chan outcome
			for range 2 {
				held = append(held, ask(t, l, &Request{Class: foci.Bulk, Method: methodHold, Body: make([]byte, 1024)}))
			}
			_, err := l.Call(t.Context(), foci.Bulk, methodEcho, nil, make([]byte, 1024))
			var e *foci.Error
			if foci.KindOf(err) != foci.Busy || !errors.As(err, &e) || e.RetryAfter <= 0 {
				t.Errorf("over the limit: %v", err)
			}
			classes := []foci.Class{foci.Ping, foci.State}
			if name == "queue" {
				classes = append(classes, foci.Reg, foci.Recovery)
			}
			for _, class := range classes {
				if _, err := l.Call(t.Context(), class, methodEcho, nil, make([]byte, 1024)); err != nil {
					t.Errorf("%v: %v", class, err)
				}
			}
			for range held {
				(<-server.held).Reply(nil, nil)
			}
			for _, h := range held {
				if o := get(t, h); o.err != nil {
					t.Error(o.err)
				}
			}
			idle(t, client.Mesh, server.Mesh)
		})
	}
}
