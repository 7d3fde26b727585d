package lab

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Middle stands between all processes of a cluster: each connection passes
// through it. It reads what it can, and changes bytes when it is told to.
type Middle struct {
	lab     *Lab
	ports   map[*Host]int
	needles [][]byte // what it looks for

	bytes   atomic.Int64 // that passed
	found   atomic.Int64 // needles seen
	changed atomic.Int64 // bytes changed
	change  atomic.Int64 // how many are to be changed yet, each on another connection

	mu    sync.Mutex
	first string // what was seen first
}

// Between puts a middle between the hosts of a cluster that is yet to be made. It
// looks for these texts.
func (l *Lab) Between(needles []string, hosts ...*Host) *Middle {
	l.t.Helper()
	m := &Middle{lab: l, ports: map[*Host]int{}}
	for _, n := range needles {
		m.needles = append(m.needles, []byte(n))
	}
	for _, h := range hosts {
		ln, err := net.Listen("tcp", fmt.Sprintf("%v:0", l.lan.addr(1)))
		if err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() { _ = ln.Close() })
		m.ports[h] = ln.Addr().(*net.TCPAddr).Port
		go m.serve(ln, fmt.Sprintf("%v:%d", h.Addr(), nodePort))
	}
	return m
}

// address is where others find the node of a host: here.
func (m *Middle) address(h *Host) string {
	return fmt.Sprintf("%v:%d:2-0", m.lab.lan.addr(1), m.ports[h])
}

// remote is the same as a client names it.
func (m *Middle) remote(h *Host) string {
	return fmt.Sprintf("%v:%d:2", m.lab.lan.addr(1), m.ports[h])
}

func (m *Middle) serve(ln net.Listener, to string) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				return
			}
			go m.pass(out, in)
			m.pass(in, out)
		}()
	}
}

// pass copies one direction of a connection.
func (m *Middle) pass(dst, src net.Conn) {
	defer dst.Close()
	defer src.Close()
	overlap := 0
	for _, n := range m.needles {
		overlap = max(overlap, len(n)-1)
	}
	buf, kept, touched := make([]byte, 64<<10), 0, false
	for {
		n, err := src.Read(buf[kept:])
		if n > 0 {
			m.bytes.Add(int64(n))
			m.look(buf[:kept+n])
			part := buf[kept : kept+n]
			if !touched && m.change.Load() > 0 && m.change.Add(-1) >= 0 {
				touched = true
				part[n/2] ^= 1
				m.changed.Add(1)
			}
			if _, err := dst.Write(part); err != nil {
				return
			}
			keep := min(overlap, kept+n)
			copy(buf, buf[kept+n-keep:kept+n])
			kept = keep
		}
		if err != nil {
			return
		}
	}
}

func (m *Middle) look(b []byte) {
	for _, n := range m.needles {
		if bytes.Contains(b, n) {
			m.found.Add(1)
			m.mu.Lock()
			if m.first == "" {
				m.first = string(n)
			}
			m.mu.Unlock()
		}
	}
}

// Change changes a byte on each of the next n connections on which something
// passes.
func (m *Middle) Change(n int) { m.change.Store(int64(n)) }
