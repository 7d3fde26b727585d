package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver is a name server on the lab's first network. What it knows must not
// change once it serves.
type Resolver struct {
	Hosts map[string][]netip.Addr // by name, with the dot at its end; IPv4 and IPv6
	SRV   map[string][]SRV
	asked atomic.Int64
}

// SRV is one service record.
type SRV struct {
	Target string // with the dot at its end
	Port   uint16
}

// Resolve makes a resolver serve, and all hosts that are made so far use it.
func (l *Lab) Resolve(r *Resolver) {
	l.t.Helper()
	at := netip.AddrPortFrom(l.lan.addr(1), 53)
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	go r.serve(conn)
	for _, h := range l.hosts {
		dir := filepath.Join("/etc/netns", h.ns)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			l.t.Fatal(err)
		}
		text := fmt.Sprintf("nameserver %v\noptions timeout:1 attempts:2\n", at.Addr())
		if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
}

// Asked is how many questions came.
func (r *Resolver) Asked() int64 { return r.asked.Load() }

func (r *Resolver) serve(conn *net.UDPConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return // closed
		}
		if reply, err := r.answer(buf[:n]); err == nil {
			r.asked.Add(1)
			_, _ = conn.WriteToUDPAddrPort(reply, from) // who gets none asks again
		}
	}
}

// answer makes the reply to a question.
func (r *Resolver) answer(question []byte) ([]byte, error) {
	var p dnsmessage.Parser
	head, err := p.Start(question)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	name := q.Name.String()
	hosts, known := r.Hosts[name]
	services, named := r.SRV[name]
	code := dnsmessage.RCodeSuccess
	if !known && !named {
		code = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: head.ID, Response: true, Authoritative: true, RecursionDesired: head.RecursionDesired, RecursionAvailable: true, RCode: code})
	b.EnableCompression()
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(q); err != nil {
		return nil, err
	}
	if err := b.StartAnswers(); err != nil {
		return nil, err
	}
	rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
	for _, a := range hosts {
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			err = b.AResource(rh, dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			err = b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	for _, s := range services {
		if q.Type != dnsmessage.TypeSRV {
			break
		}
		target, err := dnsmessage.NewName(s.Target)
		if err == nil {
			err = b.SRVResource(rh, dnsmessage.SRVResource{Port: s.Port, Priority: 1, Weight: 1, Target: target})
		}
		if err != nil {
			return nil, err
		}
	}
	return b.Finish()
}
